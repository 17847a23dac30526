//! `json: true`: strings of a reply that hold JSON become the documents they hold, so that patches reach inside them.

use ahash::HashMap;
use bytes::Bytes;
use model::Value;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::rc::Rc;

/// The document with every string parsed that begins with `{` or `[` and is JSON; names of members stay as they are,
/// and strings inside what was parsed as well. Where nothing is to be parsed it is the same document, shared.
pub(crate) fn parsed(value: &Rc<Value>) -> Rc<Value> {
    if has_candidate(value) { Rc::new(deep(value)) } else { value.clone() }
}

fn is_candidate(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'['))
}

fn has_candidate(value: &Value) -> bool {
    match value {
        Value::Str(s) => is_candidate(s),
        Value::Array(items) => items.iter().any(has_candidate),
        Value::Object(members) => members.iter().any(|(_, v)| has_candidate(v)),
        Value::Pairs(pairs) => pairs.iter().any(|(_, v)| has_candidate(v)),
        _ => false,
    }
}

fn deep(value: &Value) -> Value {
    match value {
        Value::Str(s) if is_candidate(s) => parse_any(s).unwrap_or_else(|| value.clone()),
        Value::Array(items) => Value::Array(items.iter().map(deep).collect()),
        Value::Object(members) => Value::Object(members.iter().map(|(k, v)| (k.clone(), deep(v))).collect()),
        Value::Pairs(pairs) => Value::Pairs(pairs.iter().map(|(k, v)| (k.clone(), deep(v))).collect()),
        _ => value.clone(),
    }
}

/// The document of a JSON text, if it is one. serde_json's recursion limit bounds its depth.
pub(crate) fn parse_any(text: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Document>(text).ok().map(|document| document.0)
}

struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Document)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    /// A number beyond 64 bits with sign is a double to every client anyway.
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(i64::try_from(n).map_or(Value::Double(n as f64), Value::Int))
    }

    fn visit_f64<E: Error>(self, d: f64) -> Result<Value, E> {
        if d.is_finite() { Ok(Value::Double(d)) } else { Err(E::custom("not finite")) }
    }

    fn visit_str<E>(self, s: &str) -> Result<Value, E> {
        Ok(Value::Str(Bytes::copy_from_slice(s.as_bytes())))
    }

    fn visit_string<E>(self, s: String) -> Result<Value, E> {
        Ok(Value::Str(s.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Document(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Document(value))) = map.next_entry::<String, Document>()? {
            members.push((Bytes::from(name), value));
        }
        Ok(Value::Object(last_of_each(members)))
    }
}

/// Of members with the same name the last one counts, as in every browser.
fn last_of_each(members: Vec<(Bytes, Value)>) -> Vec<(Bytes, Value)> {
    let mut places: HashMap<Bytes, usize> = HashMap::default();
    let mut distinct: Vec<(Bytes, Value)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(&at) => distinct[at].1 = value,
            None => {
                places.insert(name.clone(), distinct.len());
                distinct.push((name, value));
            }
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::doc;

    fn text(s: &str) -> Value {
        Value::Str(Bytes::copy_from_slice(s.as_bytes()))
    }

    #[test]
    fn strings_that_hold_json_are_parsed_at_any_depth() {
        let value = Value::Array(vec![text(r#"{"a":[1]}"#), Value::Object(vec![("{}".into(), text("[2]"))])]);
        assert_eq!(*parsed(&Rc::new(value)), doc(r#"[{"a":[1]},{"{}":[2]}]"#));
    }

    #[test]
    fn everything_else_stays_a_string() {
        for s in ["1", "null", "\"x\"", " {}", "{", "[1,]", "{} x", "[1e999]", "", "x{}"] {
            let value = Rc::new(text(s));
            assert_eq!(parsed(&value), value, "{s}");
        }
        assert_eq!(*parsed(&Rc::new(text(r#"["[1]"]"#))), Value::Array(vec![text("[1]")]), "not twice");
    }

    #[test]
    fn hostile_depth_stays_a_string() {
        let deep = Rc::new(text(&"[".repeat(100_000)));
        assert_eq!(parsed(&deep), deep);
        let closed = Rc::new(text(&("[".repeat(1000) + &"]".repeat(1000))));
        assert_eq!(parsed(&closed), closed);
    }

    #[test]
    fn what_needs_no_parsing_is_shared() {
        let value = Rc::new(Value::Array(vec![text("a")]));
        assert!(Rc::ptr_eq(&value, &parsed(&value)));
    }

    #[test]
    fn numbers_and_names_keep_their_meaning() {
        assert_eq!(doc("[0.30000000000000004]"), Value::Array(vec![Value::Double(0.30000000000000004)]));
        assert_eq!(doc("[9007199254740993]"), Value::Array(vec![Value::Int(9007199254740993)]));
        assert_eq!(doc("[18446744073709551615]"), Value::Array(vec![Value::Double(18446744073709551615.0)]));
        assert_eq!(doc(r#"{"a":1,"b":2,"a":3}"#), doc(r#"{"a":3,"b":2}"#));
        assert_eq!(doc(r#"{"$a":1}"#), Value::Object(vec![("$a".into(), Value::Int(1))]));
    }
}
