//! The lines of `MONITOR`, as Redis writes them.

use bytes::Bytes;

/// What stands in the place of a word that nobody is to see.
const REDACTED: &[u8] = b"(redacted)";

/// The line for a command: when, in which database, from where, and its words.
pub(crate) fn line(name: &str, words: &[Bytes], now_ms: u64, db: usize, address: &str) -> Bytes {
    let mut line = format!("{}.{:06} [{db} {address}]", now_ms / 1000, now_ms % 1000 * 1000).into_bytes();
    let mut secret = 0;
    for (at, word) in words.iter().enumerate() {
        secret = match name {
            "auth" => at,
            // HELLO 3 AUTH user password
            "hello" if word.eq_ignore_ascii_case(b"AUTH") => 3,
            _ => secret.saturating_sub(1),
        };
        let is_secret = secret > 0 && !(name == "hello" && secret == 3);
        line.push(b' ');
        quote(if is_secret { REDACTED } else { word }, &mut line);
    }
    line.into()
}

/// Appends a word in quotes; what cannot be printed is escaped as in C, or by its number.
fn quote(word: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    for &byte in word {
        match byte {
            b'"' | b'\\' => line.extend([b'\\', byte]),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            b'\t' => line.extend(b"\\t"),
            0x07 => line.extend(b"\\a"),
            0x08 => line.extend(b"\\b"),
            b' '..=b'~' => line.push(byte),
            _ => line.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, words: &[&'static [u8]]) -> String {
        let words: Vec<Bytes> = words.iter().map(|word| Bytes::from_static(word)).collect();
        String::from_utf8(line(name, &words, 1_795_382_217_112, 3, "127.0.0.1:5000").to_vec()).unwrap()
    }

    /// As a redis-server 7.0.15 shows it.
    #[test]
    fn bytes_are_escaped_as_in_redis() {
        let key = b"k\x00\x01\x07\x08\t\n\r\x1b \"'\\\x7f\x80\xff~";
        let expected = r#"1795382217.112000 [3 127.0.0.1:5000] "SET" "k\x00\x01\a\b\t\n\r\x1b \"'\\\x7f\x80\xff~" """#;
        assert_eq!(shown("set", &[b"SET", key, b""]), expected);
    }

    #[test]
    fn passwords_are_not_shown() {
        let words = |name, words: &[&'static [u8]]| shown(name, words).split_once("] ").unwrap().1.to_owned();
        assert_eq!(words("auth", &[b"AUTH", b"me", b"x"]), r#""AUTH" "(redacted)" "(redacted)""#);
        assert_eq!(
            words("hello", &[b"HELLO", b"3", b"auth", b"me", b"x", b"SETNAME", b"n"]),
            r#""HELLO" "3" "auth" "(redacted)" "(redacted)" "SETNAME" "n""#
        );
    }
}
