//! What a token's claims, or an application's answer, say in the words of rules.

use serde_json::{Map, Value};
use session::Claims;

/// Claims within claims are named so deep at most.
const DEPTH_MAX: usize = 4;

/// Texts, whole numbers and truths, by name; those within others by both names. What stands at the top has its name first.
pub(crate) fn flatten(members: &Map<String, Value>) -> Claims {
    let mut found = Vec::new();
    collect("", members, DEPTH_MAX, &mut found);
    found.sort_by_key(|(depth, ..)| *depth);
    Claims::new(found.into_iter().map(|(_, name, value)| (name, value)))
}

/// A member by its name, or by the names that lead to it with dots between them. What stands at the top counts.
pub(crate) fn find<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    find_within(members, name, DEPTH_MAX)
}

fn find_within<'a>(members: &'a Map<String, Value>, name: &str, left: usize) -> Option<&'a Value> {
    let below =
        |(dot, _): (usize, &str)| find_within(members.get(&name[..dot])?.as_object()?, &name[dot + 1..], left - 1);
    members.get(name).or_else(|| name.match_indices('.').filter(|_| left > 1).find_map(below))
}

/// What of a claim can stand in a name.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // Of a fraction there are many ways to write it, so it names nothing.
        Value::Number(n) if n.is_i64() || n.is_u64() => Some(n.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn collect(prefix: &str, members: &Map<String, Value>, left: usize, found: &mut Vec<(usize, String, String)>) {
    for (name, value) in members {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) if left > 1 => collect(&format!("{name}."), inner, left - 1, found),
            value => found.extend(text(value).map(|text| (DEPTH_MAX - left, name, text))),
        }
    }
}

/// Words: a list of texts, each one word; or one text with blanks between its words.
pub(crate) fn words(value: Option<&Value>, what: &str) -> Result<Vec<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
        Some(Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>();
            texts.ok_or_else(|| format!("{what} is no list of texts"))
        }
        Some(_) => Err(format!("{what} is no list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn claims_are_texts_by_name() {
        let claims = flatten(&object(
            r#"{"sub":"ann","n":7,"neg":-1,"t":true,"f":1.5,"l":["a"],"z":null,"org":{"id":5,"deep":{"er":"x"}},"org.id":"top"}"#,
        ));
        let found = |name| claims.get(name);
        assert_eq!(
            (found("sub"), found("n"), found("neg"), found("t")),
            (Some("ann"), Some("7"), Some("-1"), Some("true"))
        );
        assert_eq!((found("f"), found("l"), found("z"), found("org")), (None, None, None, None));
        assert_eq!((found("org.id"), found("org.deep.er")), (Some("top"), Some("x")), "what stands at the top counts");
    }

    #[test]
    fn a_claim_is_found_by_its_path() {
        let members =
            object(r#"{"a":{"b":{"c":[1]},"b.c":2},"x.y":{"z":3},"a.q":"top","https://k.example/roles":["r"]}"#);
        let found = |name| find(&members, name).map(Value::to_string);
        assert_eq!((found("a.b.c").as_deref(), found("x.y.z").as_deref()), (Some("2"), Some("3")));
        assert_eq!((found("a.q").as_deref(), found("a.nosuch"), found("a.b.c.d")), (Some("\"top\""), None, None));
        assert_eq!(found("https://k.example/roles").as_deref(), Some("[\"r\"]"));
        let deep = object(r#"{"a":{"b":{"c":{"d":{"e":1}}}}}"#);
        assert!(find(&deep, "a.b.c.d").is_some() && find(&deep, "a.b.c.d.e").is_none());
    }

    #[test]
    fn words_of_a_list_are_not_split() {
        let words = |json: &str| super::words(object(&format!("{{\"a\":{json}}}")).get("a"), "acl");
        assert_eq!(words(r#""~a +get""#).unwrap(), ["~a", "+get"]);
        assert_eq!(words(r#"["~a +get","(~b +set)"]"#).unwrap(), ["~a +get", "(~b +set)"]);
        assert_eq!(words("null").unwrap(), [""; 0]);
        assert!(words("[1]").is_err() && words("{}").is_err() && words("1").is_err());
    }
}
