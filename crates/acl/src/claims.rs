//! What a token says of its holder, as far as rules and named queries ask for it: names and texts.

/// Claims by name. A claim within another is named by both, with a dot between them: `org.id`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Claims {
    /// In the order of their names, each once.
    values: Box<[(Box<str>, Box<str>)]>,
}

impl Claims {
    /// Of claims that have one name, the first counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(values: impl IntoIterator<Item = (N, V)>) -> Claims {
        let mut values: Vec<(Box<str>, Box<str>)> = values.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        values.sort_by(|(a, _), (b, _)| a.cmp(b));
        values.dedup_by(|(later, _), (first, _)| later == first);
        Claims { values: values.into() }
    }

    /// A claim's text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.values.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.values[at].1)
    }

    /// A claim's text where a name is made of it, which `delimiter` ends. What is empty, or holds its own end, could reach
    /// into others' names.
    ///
    /// # Errors
    /// Why it may not stand there, beginning with the claim's name.
    pub fn for_name(&self, name: &str, delimiter: Option<char>) -> Result<&str, String> {
        match self.get(name) {
            None => Err(format!("the claim '{name}' is missing, or is not one text or number")),
            Some("") => Err(format!("the claim '{name}' is empty")),
            Some(value) if delimiter.is_some_and(|d| value.contains(d)) => {
                let delimiter = delimiter.unwrap_or(' ');
                Err(format!("the claim '{name}' contains '{delimiter}', which is to end it here"))
            }
            Some(value) => Ok(value),
        }
    }

    /// Only these claims.
    pub fn only<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Claims {
        Claims::new(names.into_iter().filter_map(|name| Some((name, self.get(name)?))))
    }
}

/// The variable at the head of a text that begins with a brace: its claim's name, and its length with both braces. A name
/// is letters, digits, `_`, `-` and `.`, beginning with a letter or `_`; or a URL, as claims of one's own are named.
/// Other braces are what they are: `{user:1}` is a hash tag of Redis Cluster.
pub(crate) fn variable(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find(['{', '}']).filter(|&end| inner.as_bytes()[end] == b'}')?;
    let name = &inner[..end];
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let url = name.contains("://") && name.bytes().all(|b| b.is_ascii_graphic());
    (begins && (plain || url)).then_some((name, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_claim_of_a_name_counts() {
        let claims = Claims::new([("sub", "ann"), ("org.id", "7"), ("sub", "eve")]);
        assert_eq!((claims.get("sub"), claims.get("org.id"), claims.get("nosuch")), (Some("ann"), Some("7"), None));
        let only = claims.only(["sub", "nosuch"]);
        assert_eq!((only.get("sub"), only.get("org.id")), (Some("ann"), None));
    }

    #[test]
    fn variables_are_names_or_urls_in_braces() {
        for (text, found) in [
            ("{sub}:*", Some(("sub", 5))),
            ("{org.id}", Some(("org.id", 8))),
            ("{_a-b.c9}", Some(("_a-b.c9", 9))),
            ("{https://a.example/tenant}x", Some(("https://a.example/tenant", 26))),
            ("{user:1}", None),
            ("{user:{sub}}", None),
            ("{1}", None),
            ("{}", None),
            ("{sub", None),
            ("sub}", None),
            ("{a b}", None),
        ] {
            assert_eq!(variable(text), found, "{text}");
        }
    }

    #[test]
    fn what_would_reach_into_other_names_is_no_name() {
        let claims = Claims::new([("sub", "ann:x"), ("none", "")]);
        assert_eq!(claims.for_name("sub", None), Ok("ann:x"));
        assert_eq!(claims.for_name("sub", Some('/')), Ok("ann:x"));
        for (name, delimiter, with) in
            [("sub", Some(':'), "contains ':'"), ("none", None, "empty"), ("nosuch", None, "missing")]
        {
            assert!(claims.for_name(name, delimiter).unwrap_err().contains(with), "{name}");
        }
    }
}
