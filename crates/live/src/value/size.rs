//! How many bytes a document takes as JSON. Exact but for doubles; nothing is encoded to find out.

use model::{PatchOp, Value};
use std::fmt::{self, Write};

/// The longest that a double gets as its shortest decimal form.
const DOUBLE_MAX: usize = 24;

/// The bytes of a document.
pub(crate) fn of_value(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(b) => 5 - usize::from(*b),
        Value::Int(n) => of_integer(*n),
        Value::Double(d) => of_double(*d),
        Value::Str(s) => of_string(s),
        Value::Array(items) => listed(items.iter().map(of_value)),
        Value::Object(members) => listed(members.iter().map(|(k, v)| of_string(k) + 1 + of_value(v))),
        Value::Binary(b) => r#"{"$base64":""}"#.len() + b.len().div_ceil(3) * 4,
        Value::BigInt(digits) => r#"{"$int":""}"#.len() + digits.len(),
        Value::NonFinite(_) => r#"{"$double":"-inf"}"#.len(),
        Value::Pairs(pairs) => r#"{"$map":}"#.len() + listed(pairs.iter().map(|(k, v)| 3 + of_value(k) + of_value(v))),
        Value::Error(text) => r#"{"$error":}"#.len() + of_string(text),
    }
}

/// The bytes of a patch's operation, with the comma after it.
pub(crate) fn of_op(op: &PatchOp) -> usize {
    match op {
        PatchOp::Add { path, value } => r#"{"op":"add","path":,"value":},"#.len() + of_path(path) + of_value(value),
        PatchOp::Remove { path } => r#"{"op":"remove","path":},"#.len() + of_path(path),
        PatchOp::Replace { path, value } => of_replace(path, of_value(value)),
    }
}

/// The bytes of a replacement by a value of that size.
pub(crate) fn of_replace(path: &str, value_size: usize) -> usize {
    r#"{"op":"replace","path":,"value":},"#.len() + of_path(path) + value_size
}

fn of_path(path: &str) -> usize {
    of_string(path.as_bytes())
}

fn of_string(text: &[u8]) -> usize {
    let extra = |&b: &u8| match b {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 1,
        0..0x20 => 5,
        _ => 0,
    };
    2 + text.len() + text.iter().map(extra).sum::<usize>()
}

fn of_integer(n: i64) -> usize {
    usize::from(n < 0) + n.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn of_double(d: f64) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0 += s.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = write!(count, "{d}"); // Counting does not fail.
    count.0.min(DOUBLE_MAX)
}

/// Brackets, the items, and commas between them.
fn listed(items: impl ExactSizeIterator<Item = usize>) -> usize {
    let commas = items.len().saturating_sub(1);
    2 + commas + items.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::doc;

    #[test]
    fn sizes_are_those_of_the_text() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-10",
            "9007199254740991",
            "1.5",
            r#""""#,
            r#""a\n\"b\u0001é""#,
            "[]",
            "[1,[2],{}]",
            r#"{"a":1,"b":{"c":null}}"#,
        ] {
            assert_eq!(of_value(&doc(text)), text.len(), "{text}");
        }
        assert_eq!(of_value(&Value::Binary("abcd".into())), r#"{"$base64":"YWJjZA=="}"#.len());
        assert_eq!(of_value(&Value::Error("ERR x".into())), r#"{"$error":"ERR x"}"#.len());
        let pairs = Value::Pairs(vec![(Value::Int(1), Value::Int(2)), (Value::Int(3), Value::Int(4))]);
        assert_eq!(of_value(&pairs), r#"{"$map":[[1,2],[3,4]]}"#.len());
    }

    #[test]
    fn an_operation_is_as_large_as_its_text() {
        let op = PatchOp::Replace { path: "/a".into(), value: Value::Int(1) };
        assert_eq!(of_op(&op), r#"{"op":"replace","path":"/a","value":1},"#.len());
    }
}
