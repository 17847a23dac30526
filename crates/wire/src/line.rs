//! Command lines as `redis-cli` splits them (`sdssplitargs` of Redis' `sds.c` is the reference behaviour): words apart by
//! white space; `"…"` with `\n \r \t \b \a \xHH` and `\` before any other character to mean itself; `'…'` with `\'`; a
//! closing quote is followed by white space or the end. A line ends at its first NUL byte, as C strings do.

use crate::args::bad;
use bytes::Bytes;
use model::{Args, Error};

/// A command line's words, at least one; `BADREQUEST` if the line has none or its quotes are not balanced.
pub fn command(line: &[u8]) -> Result<Args, Error> {
    let words = split(line).ok_or_else(|| bad("unbalanced quotes in the command line"))?;
    if words.is_empty() {
        return Err(bad("an empty command line"));
    }
    Ok(words.into())
}

/// The words of a line, none in an empty one; `None` if its quotes are not balanced.
pub fn split(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut rest = &line[..memchr::memchr(0, line).unwrap_or(line.len())];
    let mut words = Vec::new();
    loop {
        rest = skip_space(rest);
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = word(rest)?;
        words.push(word.into());
        rest = after;
    }
}

/// The first word and what comes after it. A quote may open within the word; where it closes, the word ends.
fn word(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [b'"', quoted @ ..] => return double_quoted(quoted, &mut word).map(|after| (word, after)),
            [b'\'', quoted @ ..] => return single_quoted(quoted, &mut word).map(|after| (word, after)),
            // The white space that ends a word is less than that between words, as in the original.
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some((word, rest)),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'"', after @ ..] => return closed(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(unescape(*escaped));
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\'', after @ ..] => return closed(after),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

/// What comes after a closing quote: "closing quote must be followed by a space or nothing at all".
fn closed(rest: &[u8]) -> Option<&[u8]> {
    rest.first().is_none_or(is_space).then_some(rest)
}

fn skip_space(line: &[u8]) -> &[u8] {
    let blank = line.iter().take_while(|b| is_space(b)).count();
    &line[blank..]
}

/// C's `isspace`.
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        Some(split(line)?.iter().map(|w| w.to_vec()).collect())
    }

    #[test]
    fn lines_split_as_redis_cli_splits_them() {
        let cases: [(&[u8], &[&[u8]]); 14] = [
            (b"", &[]),
            (b" \t\r\n\x0b\x0c", &[]),
            (b"GET key", &[b"GET", b"key"]),
            (b"  GET \t key\r\n", &[b"GET", b"key"]),
            (br#"SET k "a b""#, &[b"SET", b"k", b"a b"]),
            (br#""\x00\xfF\xg1\n\r\t\b\a\"\\\q""#, &[b"\x00\xffxg1\n\r\t\x08\x07\"\\q"]),
            (br"'a b\n\'c'", &[br"a b\n'c"]),
            (br#"pre"quoted" next"#, &[b"prequoted", b"next"]),
            (b"pre'quoted' next", &[b"prequoted", b"next"]),
            (br#""" ''"#, &[b"", b""]),
            (br"back\slash", &[br"back\slash"]),
            (b"a\x0bb", &[b"a\x0bb"]),
            (b"\"a\"\x0bb", &[b"a", b"b"]),
            (b"a\0b c", &[b"a"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn unbalanced_quotes_are_told() {
        let lines: [&[u8]; 8] = [br#"""#, b"'", br#""a"#, br#"a "b"#, br#""a"b"#, b"'a'b", br#""a\""#, br#""a"'b'"#];
        for line in lines {
            assert_eq!(words(line), None, "{}", String::from_utf8_lossy(line));
            assert_eq!(command(line).unwrap_err().code, "BADREQUEST");
        }
        assert_eq!(command(b"  ").unwrap_err().code, "BADREQUEST");
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(expected in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 0..5)) {
            let quote = |w: &Vec<u8>| format!("\"{}\"", w.iter().map(|b| format!("\\x{b:02x}")).collect::<String>());
            let line = expected.iter().map(quote).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(line.as_bytes()).unwrap(), expected);
        }
    }
}
