//! A value's tag: 96 bits of a hash over one fixed serialisation, so that equal values have equal tags on every node.
//!
//! The serialisation is unambiguous: each item is one byte for its kind, then its length or its fixed-width bytes.
//! Members of objects are written sorted by name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use model::Value;
use model::feed::Tag;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// How many bytes of the hash make a tag.
const TAG_BYTES: usize = 12;

/// The tag of a value.
pub(crate) fn of_value(value: &Value) -> Tag {
    let hash = xxh3_128(&canonical(value)).to_le_bytes();
    let mut text = [0; 16];
    URL_SAFE_NO_PAD.encode_slice(&hash[..TAG_BYTES], &mut text).expect("12 bytes are 16 characters of base64");
    Tag(text)
}

/// A short hash by which elements of arrays are compared first.
pub(crate) fn short(value: &Value, scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    write(value, scratch);
    xxh3_64(scratch)
}

/// The fixed serialisation.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(false) => out.push(b'f'),
        Value::Bool(true) => out.push(b't'),
        Value::Int(n) => fixed(b'i', n.to_le_bytes(), out),
        Value::Double(d) => fixed(b'd', d.to_bits().to_le_bytes(), out),
        // There are many not-a-numbers, and all are the same to a client.
        Value::NonFinite(d) if d.is_nan() => fixed(b'x', f64::NAN.to_bits().to_le_bytes(), out),
        Value::NonFinite(d) => fixed(b'x', d.to_bits().to_le_bytes(), out),
        Value::Str(s) => sized(b's', s, out),
        Value::Binary(b) => sized(b'b', b, out),
        Value::BigInt(digits) => sized(b'I', digits, out),
        Value::Error(text) => sized(b'e', text, out),
        Value::Array(items) => {
            fixed(b'a', (items.len() as u64).to_le_bytes(), out);
            items.iter().for_each(|item| write(item, out));
        }
        Value::Object(members) => write_members(members, out),
        Value::Pairs(pairs) => {
            fixed(b'm', (pairs.len() as u64).to_le_bytes(), out);
            for (key, value) in pairs {
                write(key, out);
                write(value, out);
            }
        }
    }
}

fn write_members(members: &[(Bytes, Value)], out: &mut Vec<u8>) {
    fixed(b'o', (members.len() as u64).to_le_bytes(), out);
    let mut sorted: Vec<&(Bytes, Value)> = members.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (name, value) in sorted {
        sized(b's', name, out);
        write(value, out);
    }
}

fn fixed(kind: u8, bytes: [u8; 8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bytes);
}

fn sized(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    fixed(kind, (bytes.len() as u64).to_le_bytes(), out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::doc;

    #[test]
    fn equal_hashes_have_equal_tags() {
        assert_eq!(of_value(&doc(r#"{"a":"1","b":"2"}"#)), of_value(&doc(r#"{"b":"2","a":"1"}"#)));
        assert_ne!(of_value(&doc(r#"{"a":"1","b":"2"}"#)), of_value(&doc(r#"{"a":"2","b":"1"}"#)));
    }

    #[test]
    fn a_tag_is_the_same_in_every_process_and_version() {
        assert_eq!(of_value(&doc(r#"{"a":["1",2,null]}"#)).as_str(), "bhOtqDTuIfg3XjvY");
    }

    #[test]
    fn values_that_look_alike_differ() {
        let all = [
            doc(r#"["ab"]"#),
            doc(r#"["a","b"]"#),
            doc(r#"[["a"],"b"]"#),
            doc(r#"{"a":"b"}"#),
            doc("1"),
            doc(r#""1""#),
            Value::Double(1.0),
            Value::BigInt("1".into()),
            Value::Binary("1".into()),
            Value::Error("1".into()),
            doc("[]"),
            doc("{}"),
            Value::Pairs(vec![]),
            doc("null"),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| of_value(a) != of_value(b)), "{a:?}");
        }
    }
}
