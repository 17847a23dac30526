//! A reply as clients see it: a JSON document.
//!
//! [`Value::from_reply`] is the protocol's section "Values" and the only place where RESP3 becomes JSON.
//! Patches are computed between two such documents; `wire` writes them as text.

use crate::{Error, Reply};
use bytes::Bytes;

/// A JSON document. Strings are byte strings known to be UTF-8; what JSON cannot carry keeps a variant of its own,
/// which is written as an object with one key that begins with `$` and is replaced as a whole by a patch.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within ±(2^53-1).
    Int(i64),
    /// A finite double.
    Double(f64),
    /// A string; the bytes are UTF-8.
    Str(Bytes),
    /// An array.
    Array(Vec<Value>),
    /// An object: keys are UTF-8, distinct, in the order Redis sent them.
    Object(Vec<(Bytes, Value)>),
    /// Bytes that are not UTF-8: `{"$base64":"…"}`.
    Binary(Bytes),
    /// An integer beyond ±(2^53-1) as its digits: `{"$int":"…"}`.
    BigInt(Bytes),
    /// `{"$double":"inf"}`, `"-inf"` or `"nan"`.
    NonFinite(f64),
    /// A map that an object cannot hold: `{"$map":[[k,v],…]}`.
    Pairs(Vec<(Value, Value)>),
    /// An error inside an array: `{"$error":"CODE text"}`.
    Error(Bytes),
}

/// The largest integer that a JSON number carries exactly in every client: 2^53-1.
pub const INT_MAX: i64 = (1 << 53) - 1;

impl Value {
    /// The document for this reply. Sets are sorted bytewise, so equal sets are equal documents.
    /// An error at the top is for the caller to tell apart first ([`Reply::as_error`]).
    pub fn from_reply(reply: Reply) -> Value {
        match reply {
            Reply::Null | Reply::NullArray => Value::Null,
            Reply::Simple(b) | Reply::Bulk(b) => Value::from_bytes(b),
            Reply::Verbatim { text, .. } => Value::from_bytes(text),
            Reply::Strings(strings) => Value::from_reply(strings.into_reply()),
            Reply::Error(b) => Value::Error(b),
            Reply::Int(n) if (-INT_MAX..=INT_MAX).contains(&n) => Value::Int(n),
            Reply::Int(n) => Value::BigInt(n.to_string().into()),
            Reply::Double(d) if d.is_finite() => Value::Double(d),
            Reply::Double(d) => Value::NonFinite(d),
            Reply::Bool(b) => Value::Bool(b),
            Reply::BigNumber(digits) => Value::BigInt(digits),
            Reply::Array(items) => Value::Array(items.into_iter().map(Value::from_reply).collect()),
            Reply::Set(items) => {
                let mut items: Vec<Value> = items.into_iter().map(Value::from_reply).collect();
                sort_bytewise(&mut items);
                Value::Array(items)
            }
            Reply::Map(pairs) => {
                let pairs = pairs.into_iter().map(|(k, v)| (Value::from_reply(k), Value::from_reply(v))).collect();
                Value::from_pairs(pairs)
            }
        }
    }

    /// A string, or [`Value::Binary`] if the bytes are not UTF-8.
    pub fn from_bytes(bytes: Bytes) -> Value {
        if std::str::from_utf8(&bytes).is_ok() { Value::Str(bytes) } else { Value::Binary(bytes) }
    }

    /// An object if every key is a distinct UTF-8 string that does not begin with `$`, else [`Value::Pairs`].
    pub fn from_pairs(pairs: Vec<(Value, Value)>) -> Value {
        let plain = |k: &Value| matches!(k, Value::Str(s) if !s.starts_with(b"$"));
        if !pairs.iter().all(|(k, _)| plain(k)) || has_repeated_key(&pairs) {
            return Value::Pairs(pairs);
        }
        let field = |(k, v)| match k {
            Value::Str(name) => (name, v),
            _ => unreachable!("all keys were seen to be strings"),
        };
        Value::Object(pairs.into_iter().map(field).collect())
    }

    /// The error `{"$error":…}` stands for.
    pub fn from_error(error: &Error) -> Value {
        Value::Error(error.to_string().into())
    }
}

/// Sorts by the bytes of string elements; other elements come first, in the order they had.
pub fn sort_bytewise(items: &mut [Value]) {
    fn bytes(v: &Value) -> &[u8] {
        match v {
            Value::Str(b) | Value::Binary(b) => b,
            _ => b"",
        }
    }
    items.sort_by(|a, b| bytes(a).cmp(bytes(b)));
}

fn has_repeated_key(pairs: &[(Value, Value)]) -> bool {
    /// Below this many pairs, comparing all with all is faster than a sorted copy.
    const SMALL: usize = 16;
    fn name(pair: &(Value, Value)) -> &[u8] {
        match &pair.0 {
            Value::Str(s) => s,
            _ => b"",
        }
    }
    if pairs.len() <= SMALL {
        return pairs.iter().enumerate().any(|(i, p)| pairs[..i].iter().any(|q| name(p) == name(q)));
    }
    let mut names: Vec<&[u8]> = pairs.iter().map(name).collect();
    names.sort_unstable();
    names.windows(2).any(|w| w[0] == w[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(s: &str) -> Reply {
        Reply::bulk(s)
    }

    #[test]
    fn a_map_becomes_an_object_only_if_json_can_hold_it() {
        let object = Value::from_reply(Reply::Map(vec![(bulk("a"), Reply::Int(1)), (bulk("b"), Reply::Null)]));
        assert_eq!(object, Value::Object(vec![("a".into(), Value::Int(1)), ("b".into(), Value::Null)]));
        for bad in [
            vec![(bulk("$a"), Reply::Null)],
            vec![(bulk("a"), Reply::Null), (bulk("a"), Reply::Null)],
            vec![(Reply::bulk(b"\xff"), Reply::Null)],
            vec![(Reply::Int(1), Reply::Null)],
        ] {
            assert!(matches!(Value::from_reply(Reply::Map(bad)), Value::Pairs(_)));
        }
    }

    #[test]
    fn integers_beyond_json_keep_their_digits() {
        assert_eq!(Value::from_reply(Reply::Int(INT_MAX)), Value::Int(INT_MAX));
        assert_eq!(Value::from_reply(Reply::Int(INT_MAX + 1)), Value::BigInt("9007199254740992".into()));
        assert_eq!(Value::from_reply(Reply::Int(i64::MIN)), Value::BigInt("-9223372036854775808".into()));
    }

    #[test]
    fn equal_sets_are_equal_documents() {
        let set = |items: [&str; 3]| Value::from_reply(Reply::Set(items.map(bulk).to_vec()));
        assert_eq!(set(["b", "a", "c"]), set(["c", "b", "a"]));
    }
}
