//! What `live` needs to know of documents: whether two are the same, how large they are as JSON, their tag, and the
//! JSON inside their strings.
//!
//! The order of an object's members means nothing anywhere here: Redis gives a hash's fields in an order that differs
//! between nodes.

pub(crate) mod json;
pub(crate) mod size;
pub(crate) mod tag;

use ahash::HashMap;
use bytes::Bytes;
use model::{Reply, Value};
use std::cell::OnceCell;

/// The document of a successful reply, in a fixed form: an `unordered` array is sorted, and so are the pairs of a map
/// that is no JSON object.
pub(crate) fn shape(reply: Reply, unordered: bool) -> Value {
    let mut value = Value::from_reply(reply);
    if let (true, Value::Array(items)) = (unordered, &mut value) {
        model::value::sort_bytewise(items);
    }
    sort_pairs(&mut value);
    value
}

fn sort_pairs(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort_pairs),
        Value::Object(members) => members.iter_mut().for_each(|(_, v)| sort_pairs(v)),
        Value::Pairs(pairs) => {
            for (key, value) in pairs.iter_mut() {
                sort_pairs(key);
                sort_pairs(value);
            }
            pairs.sort_by_cached_key(|(key, _)| tag::canonical(key));
        }
        _ => {}
    }
}

/// Whether two documents are the same: member order aside, and not-a-number is itself.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => same_members(a, b),
        (Value::Pairs(a), Value::Pairs(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
        }
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
        (Value::NonFinite(a), Value::NonFinite(b)) => a == b || (a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

fn same_members(a: &[(Bytes, Value)], b: &[(Bytes, Value)]) -> bool {
    let index = Members::new(b);
    let is_in_b = |(i, (name, value)): (usize, &(Bytes, Value))| index.get(name, i).is_some_and(|b| same(value, b));
    a.len() == b.len() && a.iter().enumerate().all(is_in_b)
}

/// An object's members by name. Looked for where they probably are first; only if that fails an index is made.
pub(crate) struct Members<'a> {
    members: &'a [(Bytes, Value)],
    index: OnceCell<HashMap<&'a [u8], usize>>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(members: &'a [(Bytes, Value)]) -> Members<'a> {
        Members { members, index: OnceCell::new() }
    }

    /// The member's value; `near` is a guess at its position.
    pub(crate) fn get(&self, name: &[u8], near: usize) -> Option<&'a Value> {
        if let Some((found, value)) = self.members.get(near)
            && found == name
        {
            return Some(value);
        }
        let positions = || self.members.iter().enumerate().map(|(i, (name, _))| (&name[..], i)).collect();
        let at = *self.index.get_or_init(positions).get(name)?;
        Some(&self.members[at].1)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A document from JSON text.
    pub(crate) fn doc(text: &str) -> Value {
        json::parse_any(text.as_bytes()).unwrap()
    }

    #[test]
    fn members_have_no_order() {
        assert!(same(&doc(r#"{"a":1,"b":[2]}"#), &doc(r#"{"b":[2],"a":1}"#)));
        assert!(!same(&doc(r#"{"a":1,"b":2}"#), &doc(r#"{"a":1,"c":2}"#)));
        assert!(!same(&doc(r#"{"a":1}"#), &doc(r#"{"a":1,"c":2}"#)));
        assert!(!same(&doc("[1,2]"), &doc("[2,1]")));
    }

    #[test]
    fn not_a_number_is_itself() {
        assert!(same(&Value::NonFinite(f64::NAN), &Value::NonFinite(f64::NAN)));
        assert!(!same(&Value::NonFinite(f64::INFINITY), &Value::NonFinite(f64::NEG_INFINITY)));
        assert!(!same(&Value::Double(0.0), &Value::Double(-0.0)));
    }

    #[test]
    fn an_unordered_reply_is_sorted_and_so_is_a_map_that_is_no_object() {
        let list = Reply::Array(vec![Reply::bulk("b"), Reply::bulk("a")]);
        assert_eq!(shape(list.clone(), true), doc(r#"["a","b"]"#));
        assert_eq!(shape(list, false), doc(r#"["b","a"]"#));
        let map = |names: [&str; 2]| Reply::Map(names.map(|n| (Reply::bulk(n), Reply::Int(1))).to_vec());
        assert_eq!(shape(map(["$b", "$a"]), false), shape(map(["$a", "$b"]), false));
    }
}
