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

fn collect(prefix: &str, members: &Map<String, Value>, left: usize, found: &mut Vec<(usize, String, String)>) {
    for (name, value) in members {
        let name = format!("{prefix}{name}");
        let text = match value {
            Value::String(text) => text.clone(),
            // Of a fraction there are many ways to write it, so it names nothing.
            Value::Number(n) if n.is_i64() || n.is_u64() => n.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Object(inner) if left > 1 => {
                collect(&format!("{name}."), inner, left - 1, found);
                continue;
            }
            _ => continue,
        };
        found.push((DEPTH_MAX - left, name, text));
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
    fn words_of_a_list_are_not_split() {
        let words = |json: &str| super::words(object(&format!("{{\"a\":{json}}}")).get("a"), "acl");
        assert_eq!(words(r#""~a +get""#).unwrap(), ["~a", "+get"]);
        assert_eq!(words(r#"["~a +get","(~b +set)"]"#).unwrap(), ["~a +get", "(~b +set)"]);
        assert_eq!(words("null").unwrap(), [""; 0]);
        assert!(words("[1]").is_err() && words("{}").is_err() && words("1").is_err());
    }
}
