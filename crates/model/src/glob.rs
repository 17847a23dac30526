//! Redis' glob patterns over bytes (`stringmatchlen` of its `util.c` is the reference behaviour).

/// Whether `text` matches `pattern`: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, and `\` before a character to mean itself.
///
/// Linear in `pattern × text`: after a mismatch only the last `*` is tried again, which is enough for globs and
/// bounds the work that a hostile pattern can cause.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: just after the last star, and one character further in the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        match one(&pattern[p..], text[t]) {
            Some(used) => (p, t) = (p + used, t + 1),
            None => match retry {
                Some((after_star, at)) => {
                    (p, t) = (after_star, at + 1);
                    retry = Some((after_star, at + 1));
                }
                None => return false,
            },
        }
    }
}

/// How much of the pattern's head one character matched; `None` if it does not match or the pattern is at its end.
fn one(pattern: &[u8], c: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, c),
        b'\\' if pattern.len() > 1 => (pattern[1] == c).then_some(2),
        literal => (literal == c).then_some(1),
    }
}

/// A bracket class. As in Redis, an unclosed class ends with the pattern, and a range may be given backwards.
fn class(pattern: &[u8], c: u8) -> Option<usize> {
    let mut at = 1;
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut hit = false;
    loop {
        match pattern.get(at) {
            Some(b'\\') if at + 1 < pattern.len() => {
                hit |= pattern[at + 1] == c;
                at += 2;
            }
            Some(b']') => {
                at += 1;
                break;
            }
            None => break,
            Some(&low) if pattern.get(at + 1) == Some(&b'-') && at + 2 < pattern.len() => {
                let high = pattern[at + 2];
                hit |= (low.min(high)..=low.max(high)).contains(&c);
                at += 3;
            }
            Some(&literal) => {
                hit |= literal == c;
                at += 1;
            }
        }
    }
    (hit != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} must match {text}");
        }
        for text in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} must not match {text}");
        }
    }

    #[test]
    fn globs_match_as_in_redis() {
        check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
        check("h*llo", &["hllo", "heeeello"], &["hell"]);
        check("h[ae]llo", &["hello", "hallo"], &["hillo"]);
        check("h[^e]llo", &["hallo", "hbllo"], &["hello"]);
        check("h[a-b]llo", &["hallo", "hbllo"], &["hcllo"]);
        check("h[b-a]llo", &["hallo", "hbllo"], &["hcllo"]);
        check("a\\*b", &["a*b"], &["axb"]);
        check("[\\]]", &["]"], &["\\"]);
        check("*", &["", "x"], &[]);
        check("", &[""], &["x"]);
        check("**a**", &["a", "xax"], &["", "x"]);
        check("[abc", &["a", "c"], &["d", "["]);
        check("a*b*c", &["abc", "aXbYbZc"], &["acb"]);
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(5000).as_bytes()));
    }
}
