//! Patches are applied by a library of others, and counted.

use super::*;
use crate::value::tests::doc;
use base64::Engine;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// The protocol's JSON of a document.
fn to_json(value: &Value) -> Json {
    let text = |b: &Bytes| String::from_utf8(b.to_vec()).unwrap();
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Double(d) => json!(d),
        Value::Str(s) => json!(text(s)),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Object(members) => Json::Object(members.iter().map(|(k, v)| (text(k), to_json(v))).collect()),
        Value::Binary(b) => json!({ "$base64": base64::engine::general_purpose::STANDARD.encode(b) }),
        Value::BigInt(digits) => json!({ "$int": text(digits) }),
        Value::NonFinite(d) => json!({ "$double": d.to_string() }),
        Value::Pairs(pairs) => {
            json!({ "$map": pairs.iter().map(|(k, v)| json!([to_json(k), to_json(v)])).collect::<Vec<_>>() })
        }
        Value::Error(e) => json!({ "$error": text(e) }),
    }
}

fn op_to_json(op: &PatchOp) -> Json {
    match op {
        PatchOp::Add { path, value } => json!({ "op": "add", "path": path, "value": to_json(value) }),
        PatchOp::Remove { path } => json!({ "op": "remove", "path": path }),
        PatchOp::Replace { path, value } => json!({ "op": "replace", "path": path, "value": to_json(value) }),
    }
}

fn ops_to_json(ops: &[PatchOp]) -> Json {
    Json::Array(ops.iter().map(op_to_json).collect())
}

fn apply(old: &Value, ops: &[PatchOp]) -> Json {
    let patch: json_patch::Patch = serde_json::from_value(ops_to_json(ops)).unwrap();
    let mut document = to_json(old);
    json_patch::patch(&mut document, &patch).unwrap();
    document
}

/// The operations, whatever the whole value would cost.
fn ops(old: &Value, new: &Value) -> Vec<PatchOp> {
    let ops = diff(old, new, usize::MAX).expect("a patch");
    assert_eq!(apply(old, &ops), to_json(new));
    ops
}

#[track_caller]
fn check(old: &str, new: &str, expected: Json) {
    assert_eq!(ops_to_json(&ops(&doc(old), &doc(new))), expected, "{old} -> {new}");
}

#[test]
fn one_changed_field_is_one_replace() {
    check(r#"{"a":"1","b":"2"}"#, r#"{"b":"3","a":"1"}"#, json!([{"op":"replace","path":"/b","value":"3"}]));
}

#[test]
fn fields_come_and_go_by_one_operation_each() {
    check(
        r#"{"a":"1","b":"2"}"#,
        r#"{"b":"2","c":"3"}"#,
        json!([{"op":"remove","path":"/a"}, {"op":"add","path":"/c","value":"3"}]),
    );
}

#[test]
fn names_are_escaped() {
    check(r#"{"a/b~c":1}"#, r#"{"a/b~c":2}"#, json!([{"op":"replace","path":"/a~1b~0c","value":2}]));
    check(r#"{"":1}"#, r#"{"":2}"#, json!([{"op":"replace","path":"/","value":2}]));
}

#[test]
fn a_member_that_moves_is_its_remove_and_add() {
    check(
        r#"[["a",1],["b",2],["c",3],["d",4],["e",5]]"#,
        r#"[["b",2],["c",3],["d",4],["a",4.5],["e",5]]"#,
        json!([{"op":"remove","path":"/0"}, {"op":"add","path":"/3","value":["a",4.5]}]),
    );
    check(
        r#"["a","b","c","d","e"]"#,
        r#"["a","e","b","c","d"]"#,
        json!([{"op":"add","path":"/1","value":"e"}, {"op":"remove","path":"/5"}]),
    );
}

#[test]
fn a_score_that_changes_in_place_is_one_replace() {
    check(
        r#"[["a",1],["b",2],["c",3],["d",4]]"#,
        r#"[["a",1],["b",2],["c",3],["d",5]]"#,
        json!([{"op":"replace","path":"/3/1","value":5}]),
    );
}

#[test]
fn a_member_that_leaves_beside_one_whose_score_changes() {
    check(
        r#"[["a",1],["b",2],["c",3]]"#,
        r#"[["b",7],["c",3]]"#,
        json!([{"op":"remove","path":"/0"}, {"op":"replace","path":"/0/1","value":7}]),
    );
}

#[test]
fn an_append_is_one_add() {
    check(r#"["a","b"]"#, r#"["a","b","c"]"#, json!([{"op":"add","path":"/-","value":"c"}]));
    check(r#"[]"#, r#"["c"]"#, json!([{"op":"add","path":"/-","value":"c"}]));
}

#[test]
fn a_push_and_a_trim_are_an_add_and_a_remove() {
    let list = |from: i64| Value::Array((from..from + 500).map(Value::Int).collect());
    let expected = json!([{"op":"remove","path":"/0"}, {"op":"add","path":"/-","value":500}]);
    assert_eq!(ops_to_json(&ops(&list(0), &list(1))), expected);
    let expected = json!([{"op":"add","path":"/0","value":0}, {"op":"remove","path":"/500"}]);
    assert_eq!(ops_to_json(&ops(&list(1), &list(0))), expected);
}

#[test]
fn an_object_in_a_list_is_found_by_its_id() {
    check(
        r#"[{"id":1,"n":"one"},{"id":2,"n":"two"},{"id":3,"n":"three"}]"#,
        r#"[{"id":2,"n":"zwei"},{"id":3,"n":"three"}]"#,
        json!([{"op":"remove","path":"/0"}, {"op":"replace","path":"/0/n","value":"zwei"}]),
    );
}

#[test]
fn the_same_documents_need_no_operation() {
    check(r#"{"a":[1,{"b":2}],"c":3}"#, r#"{"c":3,"a":[1,{"b":2}]}"#, json!([]));
}

#[test]
fn where_the_patch_would_be_no_smaller_the_value_goes() {
    let whole = |old: &str, new: &str| {
        let new = doc(new);
        assert_eq!(diff(&doc(old), &new, crate::value::size::of_value(&new)), None, "{old} -> {new:?}");
    };
    whole("1", "2");
    whole("[1]", "{}");
    whole(r#"["a","b"]"#, r#"["a","b","c"]"#);
    whole(r#"[["a",1],["b",2]]"#, r#"[["a",2],["b",3]]"#);
    let (old, new) = (doc(&format!("[1,\"{:99}\"]", "")), doc(&format!("[2,\"{:99}\"]", "")));
    assert_eq!(diff(&old, &new, crate::value::size::of_value(&new)).map(|ops| ops.len()), Some(1));
}

#[test]
fn a_part_that_changed_altogether_is_replaced_as_a_whole() {
    let (old, new) = (r#"{"x":[1,2,3,4,5],"y":0}"#, r#"{"x":[6,7,8,9,0],"y":0}"#);
    check(old, new, json!([{"op":"replace","path":"/x","value":[6,7,8,9,0]}]));
}

#[test]
fn a_great_array_that_changed_altogether_is_given_up_soon() {
    let list = |salt: i64| Value::Array((0..20_000).map(|i| Value::Int(i * 7 + salt)).collect());
    assert_eq!(diff(&list(0), &list(1), usize::MAX), None);
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0i64..4).prop_map(Value::Int),
        (0i64..4).prop_map(|n| Value::Double(n as f64 + 0.5)),
        "[ab~/]{0,2}".prop_map(|s| Value::Str(s.into())),
        Just(Value::Binary(Bytes::from_static(b"\xff"))),
        Just(Value::NonFinite(f64::INFINITY)),
        Just(Value::BigInt("9007199254740993".into())),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map("[ab~/]{0,2}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

/// Windows of a sorted set.
fn window() -> impl Strategy<Value = Value> {
    let member = ("[a-j]", 0i64..5).prop_map(|(m, s)| Value::Array(vec![Value::Str(m.into()), Value::Int(s)]));
    prop::collection::vec(member, 0..12).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn operations_lead_from_any_document_to_any_other(old in document(), new in document()) {
        if let Some(ops) = diff(&old, &new, usize::MAX) {
            prop_assert_eq!(apply(&old, &ops), to_json(&new));
            prop_assert_eq!(ops.is_empty(), same(&old, &new));
        }
    }

    #[test]
    fn operations_lead_from_any_window_to_any_other(old in window(), new in window()) {
        prop_assert_eq!(apply(&old, &ops(&old, &new)), to_json(&new));
    }

    #[test]
    fn a_patch_is_smaller_than_the_value(old in document(), new in document()) {
        let text = to_json(&new).to_string();
        if let Some(ops) = diff(&old, &new, crate::value::size::of_value(&new)) {
            prop_assert_eq!(apply(&old, &ops), to_json(&new));
            prop_assert!(ops.is_empty() || ops_to_json(&ops).to_string().len() < text.len());
        }
    }

    #[test]
    fn scripts_are_shortest(old in prop::collection::vec(0i64..4, 0..12), new in prop::collection::vec(0i64..4, 0..12)) {
        let values = |v: &[i64]| v.iter().copied().map(Value::Int).collect::<Vec<_>>();
        let (mut kept, mut passed) = (0, 0);
        for step in sequence::steps(&values(&old), &values(&new), usize::MAX / 4).unwrap() {
            match step {
                Step::Keep(count) => (kept, passed) = (kept + count, passed + count),
                Step::Change(..) | Step::Remove => passed += 1,
                Step::Add(_) => {}
            }
        }
        kept += old.len() - passed; // The common end is not listed.
        // Trimming and the greedy search together find as much as the quadratic table does.
        let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
        for i in 0..old.len() {
            for j in 0..new.len() {
                table[i + 1][j + 1] =
                    if old[i] == new[j] { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        prop_assert_eq!(kept, table[old.len()][new.len()]);
    }
}
