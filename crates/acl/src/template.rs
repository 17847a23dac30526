//! Patterns with variables: `~user:{sub}:*` for each user its own.
//!
//! A claim's text becomes part of a pattern as itself: its `*`, `?`, `[` and `\` are escaped, so a name full of them gives
//! no more than that name. It is put in where the pattern is already known to be one, so neither blanks nor parentheses in
//! it make another rule. A variable has its end: a character that the claim must not contain, or the pattern's end. Where a
//! wildcard would follow at once, `ann` would get what is `anna`'s too, so that is refused.

use crate::claims::{Claims, variable};
use crate::parse::Reason;

const NO_END: &str = "A variable must be followed by a character that ends it, not by a wildcard or another variable";
const NO_BEGIN: &str = "A variable must not come right behind a wildcard or a class";

/// What variables stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variables<'a> {
    /// There are none: a brace is a brace, as in Redis.
    None,
    /// Anything: whether a list of rules is one is asked before there is a token.
    Any,
    /// These claims.
    Of(&'a Claims),
}

/// The glob that a pattern's text stands for.
pub(crate) fn expand(text: &str, variables: Variables<'_>) -> Result<Box<[u8]>, Reason> {
    if matches!(variables, Variables::None) {
        return Ok(text.as_bytes().into());
    }
    let mut glob = Vec::with_capacity(text.len());
    let mut rest = text;
    // What stood before, if it was a wildcard or the begin of a class.
    let (mut behind_wildcard, mut in_class) = (false, false);
    while let Some(first) = rest.bytes().next() {
        if let Some((name, length)) = variable(rest) {
            rest = &rest[length..];
            if behind_wildcard || in_class {
                return Err(NO_BEGIN.into());
            }
            let value = match variables {
                Variables::Of(claims) => claims.for_name(name, end(rest)?)?,
                Variables::None | Variables::Any => end(rest).map(|_| "x")?,
            };
            escape(value.as_bytes(), &mut glob);
            continue;
        }
        let (taken, escaped) = match rest.as_bytes() {
            [b'\\', b'{' | b'}', ..] => (2, 1),
            // A character that is escaped is itself, whatever it is.
            [b'\\', _, ..] => (2, 0),
            _ => (1, 0),
        };
        // Cut between characters: what is escaped may be longer than a byte.
        let taken = (taken..=rest.len()).find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
        glob.extend_from_slice(&rest.as_bytes()[escaped..taken]);
        behind_wildcard = matches!(first, b'*' | b'?');
        // A class may end in ways that only the glob's own reader knows: behind its begin there is no variable.
        in_class |= first == b'[';
        rest = &rest[taken..];
    }
    Ok(glob.into())
}

/// The character that ends a variable before `rest`; none at the pattern's end.
fn end(rest: &str) -> Result<Option<char>, Reason> {
    let mut chars = rest.chars();
    match chars.next() {
        Some('*' | '?' | '[') => Err(NO_END.into()),
        Some('{') if variable(rest).is_some() => Err(NO_END.into()),
        Some('\\') => Ok(Some(chars.next().unwrap_or('\\'))),
        first => Ok(first),
    }
}

/// Appends a text so that in a glob it stands for itself.
pub fn escape(value: &[u8], glob: &mut Vec<u8>) {
    for &byte in value {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            glob.push(b'\\');
        }
        glob.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::glob;
    use proptest::prelude::*;

    fn of(text: &str, value: &str) -> Result<String, String> {
        let claims = Claims::new([("sub", value)]);
        let glob = expand(text, Variables::Of(&claims)).map_err(|reason| reason.into_owned())?;
        Ok(String::from_utf8(glob.into()).unwrap())
    }

    #[test]
    fn a_claim_stands_for_itself() {
        for (text, value, glob) in [
            ("user:{sub}:*", "ann", "user:ann:*"),
            ("user:{sub}:*", "*", "user:\\*:*"),
            ("{sub}", "a[b]?\\", "a\\[b\\]\\?\\\\"),
            ("{user:{sub}}:*", "7", "{user:7}:*"),
            ("\\{sub\\}:*", "ann", "{sub}:*"),
            ("x{user:1}:{sub}", "ann", "x{user:1}:ann"),
            ("a\\*{sub}", "ann", "a\\*ann"),
            ("a\\\\{sub}", "*", "a\\\\\\*"),
            ("{sub}\\*", "ann", "ann\\*"),
            ("{sub}/[ab]*", "ann", "ann/[ab]*"),
            ("\\é{sub}", "ann", "\\éann"),
            ("a\\", "ann", "a\\"),
            ("user:{sub}", "Ann Lee ~* +@all (x)", "user:Ann Lee ~\\* +@all (x)"),
        ] {
            assert_eq!(of(text, value).as_deref(), Ok(glob), "{text} {value}");
        }
    }

    #[test]
    fn what_could_reach_further_is_refused() {
        for (text, value, with) in [
            ("user:{sub}*", "ann", "followed"),
            ("user:{sub}?", "ann", "followed"),
            ("user:{sub}[ab]", "ann", "followed"),
            ("{sub}{sub}", "ann", "followed"),
            ("*{sub}", "ann", "behind"),
            ("?{sub}:", "ann", "behind"),
            ("[{sub}]", "ann", "behind"),
            ("[a-]{sub}]", "]", "behind"),
            ("user:{sub}:*", "bob:x", "contains ':'"),
            ("user:{sub}\\*x", "a*", "contains '*'"),
            ("~{sub}*", "", "followed"),
            ("{sub}:*", "", "empty"),
            ("{nosuch}:*", "ann", "'nosuch' is missing"),
        ] {
            assert!(of(text, value).unwrap_err().contains(with), "{text} {value}");
        }
    }

    #[test]
    fn without_variables_a_brace_is_a_brace() {
        assert_eq!(*expand("{sub}*\\{", Variables::None).unwrap(), *b"{sub}*\\{");
        assert_eq!(*expand("u:{sub}:*", Variables::Any).unwrap(), *b"u:x:*");
        assert!(expand("u:{sub}*", Variables::Any).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// However a name is chosen, its pattern matches its own keys and nobody else's.
        #[test]
        fn one_name_gives_one_name(name in r"[a-c*?\[\]\\^{}()~+@ -]{1,6}", other in r"[a-c*?\[\]\\^{}]{1,6}", tail in "[a-c:]{0,3}") {
            let glob = of("u:{sub}:*", &name).unwrap();
            let [own, others] = [&name, &other].map(|who| format!("u:{who}:{tail}"));
            prop_assert!(glob::matches(glob.as_bytes(), own.as_bytes()));
            prop_assert_eq!(glob::matches(glob.as_bytes(), others.as_bytes()), other == name);
        }

        #[test]
        fn any_text_is_a_pattern_or_an_error(text in r"[a{}\[\]*?\\:é]{0,12}", value in r"[a*\\\[\]]{0,4}") {
            let _ = of(&text, &value);
        }
    }
}
