//! A Redis command as clients write it in JSON: `["SET","key",1.50,{"$base64":"/w=="}]`. The same for `/ws` and
//! `POST /command`.
//!
//! Every argument is copied once out of the client's text, into bytes of its own: strings without escapes as they stand,
//! numbers as the digits that were written. The functions below [`elements`] are given texts that were read once before
//! and are known to be JSON; they still answer an error, not a panic, for any other.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use model::error::{BADREQUEST, TOOMANY};
use model::{Args, Error};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// Base64 with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The texts of an array's elements.
pub(crate) type Elements<'a> = SmallVec<[&'a str; 8]>;

pub(crate) fn bad(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(BADREQUEST, message)
}

/// The elements of a JSON array, each as its own text: all of them, or the first `max + 1` if there are more. The text
/// is read to its end; an error if it is not one JSON array.
pub(crate) fn elements(json: &str, max: usize) -> Result<Elements<'_>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let elements = reader.deserialize_seq(ElementsVisitor { max })?;
    reader.end()?;
    Ok(elements)
}

/// Refuses a list that [`elements`] cut off at `max`.
pub(crate) fn check_count(elements: &Elements<'_>, max: usize, what: &str) -> Result<(), Error> {
    if elements.len() > max {
        return Err(Error::new(TOOMANY, format!("more than {max} {what} at once")));
    }
    Ok(())
}

/// One command: an array of arguments, at least one. `name` is who asks, for the message.
pub(crate) fn command(json: &str, name: &str) -> Result<Args, Error> {
    let shape = || bad(format!("{name} must be an array of strings, numbers or {{\"$base64\":…}}"));
    if !json.starts_with('[') {
        return Err(shape());
    }
    let elements = elements(json, usize::MAX - 1).map_err(|_| shape())?;
    if elements.is_empty() {
        return Err(bad(format!("{name} is empty: a command has at least its name")));
    }
    let args = elements.iter().map(|json| argument(json)).collect::<Result<Vec<Bytes>, Error>>()?;
    Ok(args.into())
}

/// Several commands, at least one.
pub(crate) fn commands(json: &str, name: &str, max: usize) -> Result<Vec<Args>, Error> {
    let shape = || bad(format!("{name} must be an array of commands"));
    if !json.starts_with('[') {
        return Err(shape());
    }
    let elements = elements(json, max).map_err(|_| shape())?;
    check_count(&elements, max, "commands")?;
    if elements.is_empty() {
        return Err(bad(format!("{name} is empty: it needs at least one command")));
    }
    elements.iter().map(|json| command(json, "each command")).collect()
}

/// A name of Redis' world (a channel, a key): a string, or `{"$base64":…}`.
pub(crate) fn name(json: &str, member: &str) -> Result<Bytes, Error> {
    match json.as_bytes().first() {
        Some(b'"') => text(json).map(|text| Bytes::copy_from_slice(text.as_bytes())),
        Some(b'{') => binary(json),
        _ => Err(bad(format!("{member} must be a string"))),
    }
}

/// A string's text, without a copy if it has no escapes.
pub(crate) fn text(json: &str) -> Result<Cow<'_, str>, Error> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.ok_or_else(|| bad("a string was expected"))?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(inner));
    }
    // Known to be JSON: what can still be wrong is half of a surrogate pair.
    serde_json::from_str(json).map(Cow::Owned).map_err(|_| bad("a string has an escape that is no character"))
}

fn argument(json: &str) -> Result<Bytes, Error> {
    match json.as_bytes().first() {
        Some(b'"') => text(json).map(|text| Bytes::copy_from_slice(text.as_bytes())),
        Some(b'-' | b'0'..=b'9') => Ok(Bytes::copy_from_slice(json.as_bytes())),
        Some(b'{') => binary(json),
        _ => Err(bad("an argument must be a string, a number or {\"$base64\":…}")),
    }
}

/// `{"$base64":"…"}` and nothing else in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Binary<'a> {
    #[serde(rename = "$base64", borrow)]
    base64: Cow<'a, str>,
}

fn binary(json: &str) -> Result<Bytes, Error> {
    let binary: Binary<'_> =
        serde_json::from_str(json).map_err(|_| bad("an object in place of a string must be {\"$base64\":\"…\"}"))?;
    BASE64.decode(binary.base64.as_bytes()).map(Bytes::from).map_err(|_| bad("$base64 is not base64"))
}

struct ElementsVisitor {
    max: usize,
}

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
        let mut elements = Elements::new();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            if elements.len() <= self.max {
                elements.push(raw.get());
            }
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(json: &str) -> Result<Vec<Bytes>, String> {
        command(json, "command").map(|args| args.to_vec()).map_err(|e| e.to_string())
    }

    #[test]
    fn arguments_are_the_bytes_that_were_meant() {
        let json = r#"[ "SET" , "a\n\u00e9\ud83d\ude00" , "" , -0 , 1.50 , 1E+2 , 12345678901234567890123, {"$base64":"/wA="}, {"\u0024base64":"\/w"} ]"#;
        let expected: [&[u8]; 9] =
            [b"SET", "a\né😀".as_bytes(), b"", b"-0", b"1.50", b"1E+2", b"12345678901234567890123", b"\xff\0", b"\xff"];
        assert_eq!(args(json).unwrap(), expected);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for bad in [
            "[]",
            "{}",
            "\"GET a\"",
            "1",
            "null",
            "[null]",
            "[true]",
            "[[\"GET\"]]",
            "[{}]",
            r#"[{"$base64":1}]"#,
            r#"[{"$base64":"*"}]"#,
            r#"[{"$base64":"YQ==","b":1}]"#,
            r#"[{"$base64":"","$base64":""}]"#,
            r#"["\ud800"]"#,
        ] {
            assert!(args(bad).unwrap_err().starts_with("BADREQUEST "), "{bad}");
        }
    }

    #[test]
    fn lists_are_bounded_at_their_edge() {
        let list = |n: usize| format!("[{}]", vec![r#"["PING"]"#; n].join(","));
        assert_eq!(commands(&list(3), "commands", 3).unwrap().len(), 3);
        assert_eq!(commands(&list(4), "commands", 3).unwrap_err().code, TOOMANY);
        assert_eq!(commands(&list(0), "commands", 3).unwrap_err().code, BADREQUEST);
    }
}
