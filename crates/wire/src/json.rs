//! Writing JSON text as the protocol's section "Values" says, straight into a buffer.
//!
//! Strings are escaped only where JSON demands it, numbers are in their shortest form, and there is no white space, so
//! equal values give equal bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Entry, EntryId, Error, PatchOp, Value};

/// Appends the value. Recurses as deep as the value is nested, as dropping it does.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        Value::Double(d) | Value::NonFinite(d) => double(*d, out),
        Value::Str(s) => string(s, out),
        Value::Array(items) => list(items, out, write),
        Value::Object(members) => object(members, out),
        Value::Binary(bytes) => base64(bytes, out),
        Value::BigInt(digits) => tagged("$int", out, |out| string(digits, out)),
        Value::Pairs(pairs) => tagged("$map", out, |out| list(pairs, out, pair)),
        Value::Error(text) => tagged("$error", out, |out| string(String::from_utf8_lossy(text).as_bytes(), out)),
    }
}

/// Appends bytes as a client reads them: a string, or `{"$base64":"…"}` if they are not UTF-8.
pub fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    if simdutf8::basic::from_utf8(bytes).is_ok() { string(bytes, out) } else { base64(bytes, out) }
}

/// Appends a string with its quotes; `utf8` is known to be UTF-8.
pub fn string(utf8: &[u8], out: &mut Vec<u8>) {
    out.reserve(utf8.len() + 2);
    out.push(b'"');
    let mut rest = utf8;
    while let Some(at) = find_special(rest) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends an unsigned number.
pub fn uint(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends an unsigned number, or `null`.
pub fn uint_or_null(n: Option<u64>, out: &mut Vec<u8>) {
    match n {
        Some(n) => uint(n, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends `{"code":"…","message":"…"}`.
pub fn error(error: &Error, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"code\":");
    string(error.code.as_bytes(), out);
    out.extend_from_slice(b",\"message\":");
    string(error.message.as_bytes(), out);
    out.push(b'}');
}

/// Appends a stream entry: `["id",{…}]`, its fields by the rule for maps.
pub fn entry(entry: &Entry, out: &mut Vec<u8>) {
    let field = |(k, v): &(bytes::Bytes, bytes::Bytes)| (Value::from_bytes(k.clone()), Value::from_bytes(v.clone()));
    out.push(b'[');
    string(entry.id.to_string().as_bytes(), out);
    out.push(b',');
    write(&Value::from_pairs(entry.fields.iter().map(field).collect()), out);
    out.push(b']');
}

/// Appends stream entries as an array.
pub fn entries(entries: &[Entry], out: &mut Vec<u8>) {
    list(entries, out, entry);
}

/// Appends `{"after":"…","first":"…"}`; `first` is `null` if nothing is there.
pub fn gap(after: EntryId, first: Option<EntryId>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"after\":");
    string(after.to_string().as_bytes(), out);
    out.extend_from_slice(b",\"first\":");
    match first {
        Some(first) => string(first.to_string().as_bytes(), out),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Appends a JSON Patch (RFC 6902): an array of its operations.
pub fn patch(ops: &[PatchOp], out: &mut Vec<u8>) {
    list(ops, out, patch_op);
}

fn patch_op(op: &PatchOp, out: &mut Vec<u8>) {
    let (name, path, value) = match op {
        PatchOp::Add { path, value } => ("add", path, Some(value)),
        PatchOp::Remove { path } => ("remove", path, None),
        PatchOp::Replace { path, value } => ("replace", path, Some(value)),
    };
    out.extend_from_slice(b"{\"op\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"path\":");
    string(path.as_bytes(), out);
    if let Some(value) = value {
        out.extend_from_slice(b",\"value\":");
        write(value, out);
    }
    out.push(b'}');
}

fn list<T>(items: &[T], out: &mut Vec<u8>, each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(b']');
}

fn object(members: &[(bytes::Bytes, Value)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (name, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn pair((key, value): &(Value, Value), out: &mut Vec<u8>) {
    out.push(b'[');
    write(key, out);
    out.push(b',');
    write(value, out);
    out.push(b']');
}

/// What JSON cannot carry: an object with one key that begins with `$`.
fn tagged(tag: &str, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(b"\":");
    value(out);
    out.push(b'}');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    tagged("$base64", out, |out| {
        out.push(b'"');
        let start = out.len();
        out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        STANDARD.encode_slice(bytes, &mut out[start..]).expect("base64 takes four bytes for three");
        out.push(b'"');
    });
}

/// The shortest text that reads as the same double; `1`, not `1.0`.
fn double(d: f64, out: &mut Vec<u8>) {
    if !d.is_finite() {
        let name = if d.is_nan() {
            "nan"
        } else if d > 0.0 {
            "inf"
        } else {
            "-inf"
        };
        return tagged("$double", out, |out| string(name.as_bytes(), out));
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(d);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

/// The index of the first byte that JSON demands to be escaped: `"`, `\` and those below 0x20.
///
/// Whole blocks are judged without a branch inside, which the compiler turns into vector instructions; most strings have
/// nothing to escape and end here.
fn find_special(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let special = |b: &u8| (*b < 0x20) | (*b == b'"') | (*b == b'\\');
    let blocks = bytes.chunks_exact(BLOCK);
    let clean = blocks.take_while(|block| !block.iter().fold(false, |any, b| any | special(b))).count() * BLOCK;
    bytes[clean..].iter().position(special).map(|i| clean + i)
}

/// RFC 8259, 7: "the characters that MUST be escaped: quotation mark, reverse solidus, and the control characters".
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            return out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn text(value: &Value) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn str(s: &'static str) -> Value {
        Value::Str(s.into())
    }

    #[test]
    fn every_kind_of_value() {
        let pairs = vec![(str("$a"), Value::Int(1)), (Value::Binary(Bytes::from_static(b"\xff")), Value::Null)];
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Bool(false), "false"),
            (Value::Int(-9007199254740991), "-9007199254740991"),
            (Value::Double(1.0), "1"),
            (Value::Double(-0.0), "-0"),
            (Value::Double(0.1), "0.1"),
            (Value::Double(1.5e300), "1.5e+300"),
            (Value::Double(5e-324), "5e-324"),
            (Value::NonFinite(f64::INFINITY), r#"{"$double":"inf"}"#),
            (Value::NonFinite(f64::NEG_INFINITY), r#"{"$double":"-inf"}"#),
            (Value::NonFinite(f64::NAN), r#"{"$double":"nan"}"#),
            (str("grün ☃"), "\"grün ☃\""),
            (Value::Array(vec![]), "[]"),
            (Value::Array(vec![Value::Int(1), str("a")]), r#"[1,"a"]"#),
            (Value::Object(vec![]), "{}"),
            (Value::Object(vec![("a\"".into(), Value::Int(1)), ("b".into(), Value::Null)]), r#"{"a\"":1,"b":null}"#),
            (Value::Binary(Bytes::from_static(b"\xff\xfe")), r#"{"$base64":"//4="}"#),
            (Value::BigInt("9007199254740992".into()), r#"{"$int":"9007199254740992"}"#),
            (Value::Pairs(pairs), r#"{"$map":[["$a",1],[{"$base64":"/w=="},null]]}"#),
            (Value::Error("ERR no \"x\"".into()), r#"{"$error":"ERR no \"x\""}"#),
        ] {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn only_what_json_demands_is_escaped() {
        assert_eq!(
            text(&str("\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{2028}")),
            "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}\u{2028}\""
        );
    }

    #[test]
    fn an_entry_with_a_repeated_field_is_a_map_of_pairs() {
        let mut out = Vec::new();
        let field = |k: &'static str, v: &'static str| (Bytes::from(k), Bytes::from(v));
        entry(&Entry { id: EntryId::new(5, 1), fields: vec![field("a", "1"), field("b", "2")] }, &mut out);
        entry(&Entry { id: EntryId::new(5, 2), fields: vec![field("a", "1"), field("a", "2")] }, &mut out);
        assert_eq!(out, br#"["5-1",{"a":"1","b":"2"}]["5-2",{"$map":[["a","1"],["a","2"]]}]"#);
    }

    #[test]
    fn the_operations_of_a_patch() {
        let mut out = Vec::new();
        let ops = [
            PatchOp::Add { path: "/a/-".into(), value: Value::Int(1) },
            PatchOp::Remove { path: "/b~1c".into() },
            PatchOp::Replace { path: String::new(), value: Value::Null },
        ];
        patch(&ops, &mut out);
        let expected = concat!(
            r#"[{"op":"add","path":"/a/-","value":1},{"op":"remove","path":"/b~1c"},"#,
            r#"{"op":"replace","path":"","value":null}]"#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn strings_read_back(s in any::<String>()) {
            let read: String = serde_json::from_str(&text(&Value::Str(s.clone().into()))).unwrap();
            prop_assert_eq!(read, s);
        }

        #[test]
        fn special_bytes_are_found_at_any_place(bytes in proptest::collection::vec(prop_oneof![4 => 0x20u8..=0xff, 1 => any::<u8>()], 0..40)) {
            prop_assert_eq!(find_special(&bytes), bytes.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)));
        }

        #[test]
        fn doubles_read_back(d in any::<f64>().prop_filter("finite", |d| d.is_finite())) {
            prop_assert_eq!(text(&Value::Double(d)).parse::<f64>().unwrap().to_bits(), d.to_bits());
        }
    }
}
