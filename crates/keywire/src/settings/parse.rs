//! Values as people write them: `1MiB`, `10s`, `~news:* +@read`. Errors are the end of a sentence that begins with
//! the setting's name.

use std::net::SocketAddr;

/// A value as a source gave it, before the setting's type is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A string of the file, a variable or a flag.
    Text(String),
    /// An integer of the file.
    Integer(i64),
    /// A boolean of the file.
    Boolean(bool),
    /// An array of the file, or a flag that was repeated.
    List(Vec<Given>),
    /// Something no setting takes, by the name of its type.
    Other(&'static str),
}

impl Given {
    /// A whole number, in digits that underscores may group.
    pub fn count(&self) -> Result<u64, String> {
        match self {
            Given::Integer(n) => u64::try_from(*n).map_err(|_| format!("{n} is below zero")),
            Given::Text(text) => digits(text.trim()).ok_or_else(|| format!("{text:?} is not a whole number")),
            other => Err(format!("a whole number is wanted, not {}", other.kind())),
        }
    }

    /// Yes or no: `true` or `false`.
    pub fn boolean(&self) -> Result<bool, String> {
        match self {
            Given::Boolean(value) => Ok(*value),
            Given::Text(text) => text.trim().parse().map_err(|_| format!("{text:?} is neither true nor false")),
            other => Err(format!("true or false is wanted, not {}", other.kind())),
        }
    }

    /// A number of bytes: `1MiB`, `64KiB`, `1000`.
    pub fn size(&self) -> Result<u64, String> {
        const UNITS: [(&str, u64); 8] = [
            ("", 1),
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("kB", 1000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
        ];
        self.with_unit(&UNITS, "a size such as 1MiB, 64KiB or 1000")
    }

    /// A time in milliseconds: `500ms`, `10s`, or milliseconds without a unit.
    pub fn millis(&self) -> Result<u64, String> {
        const UNITS: [(&str, u64); 5] = [("", 1), ("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];
        self.with_unit(&UNITS, "a time such as 500ms, 10s or 250 (milliseconds)")
    }

    fn with_unit(&self, units: &[(&str, u64)], wanted: &str) -> Result<u64, String> {
        let Given::Text(text) = self else {
            return match self {
                Given::Integer(_) => self.count(),
                other => Err(format!("{wanted} is wanted, not {}", other.kind())),
            };
        };
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
        let (number, unit) = (digits(&text[..split]), text[split..].trim_start());
        let unit = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let value = number.zip(unit).and_then(|(n, (_, unit))| n.checked_mul(*unit));
        value.ok_or_else(|| format!("{text:?} is not {wanted}"))
    }

    /// One string.
    pub fn text(self) -> Result<String, String> {
        match self {
            Given::Text(text) => Ok(text),
            other => Err(format!("a string is wanted, not {}", other.kind())),
        }
    }

    /// Several strings: an array, or one text split by `split`.
    pub fn texts(self, split: fn(&str) -> Vec<String>) -> Result<Vec<String>, String> {
        match self {
            Given::Text(text) => Ok(split(&text)),
            Given::List(items) => {
                let parts: Result<Vec<_>, _> = items.into_iter().map(|item| item.texts(split)).collect();
                Ok(parts?.concat())
            }
            other => Err(format!("a string or an array of strings is wanted, not {}", other.kind())),
        }
    }

    /// The values of an array, or of a text separated by commas or spaces; anything else is one value.
    pub fn parts(self) -> Vec<Given> {
        match self {
            Given::Text(text) => list(&text).into_iter().map(Given::Text).collect(),
            Given::List(items) => items,
            one => vec![one],
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Given::Text(_) => "a string",
            Given::Integer(_) => "a number",
            Given::Boolean(_) => "a boolean",
            Given::List(_) => "an array",
            Given::Other(kind) => kind,
        }
    }
}

fn digits(text: &str) -> Option<u64> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let number = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
    number.then(|| plain.parse().ok()).flatten()
}

/// A size as a person would write it.
pub fn shown_size(bytes: usize) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// Splits at commas and white space.
pub fn list(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t', '\n']).filter(|part| !part.is_empty()).map(String::from).collect()
}

/// Splits ACL rules: at white space, but a selector `(…)` is one rule.
pub fn rules(text: &str) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match rules.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => {
                open = word.starts_with('(');
                rules.push(word.to_owned());
            }
        }
        open = open && !word.ends_with(')');
    }
    rules
}

/// `IP:PORT`, or `localhost:PORT`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| format!("{text:?} is not an address such as 127.0.0.1:7700, 0.0.0.0:80 or [::1]:7700"))
}

/// What a browser sends as `Origin`: scheme, host and, if it is not the scheme's own, port. `*` stands for any.
pub fn origin(text: &str) -> Result<(), String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
    match text == "*" || host.is_some_and(|host| !host.is_empty() && host.chars().all(plain)) {
        true => Ok(()),
        false => Err(format!("{text:?} is not an origin such as https://app.example.com (lower case, no path)")),
    }
}

/// Empty, or a path that begins with a slash and does not end with one.
pub fn prefix(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    let path = text.starts_with('/') && !text.ends_with('/') && !text.contains("//") && text.chars().all(plain);
    match text.is_empty() || path {
        true => Ok(()),
        false => Err(format!("{text:?} is not a path prefix such as /live")),
    }
}

/// A name that can stand in a log line, a metric's label and a header.
pub fn name(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("{text:?} is not a name: 1 to 64 letters, digits, '-', '.' or '_'")),
    }
}

/// A name of this server, without a port; `*.example.com` for all below one, `*` for any.
pub fn host(text: &str) -> Result<(), String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    match text == "*" || (!name.is_empty() && name.chars().all(plain)) {
        true => Ok(()),
        false => Err(format!("{text:?} is not a host name such as live.example.com (without scheme and port)")),
    }
}

/// An address, a block of addresses, or `unix`.
pub fn network(text: &str) -> Result<(), String> {
    text.parse::<doors::Network>().map(drop)
}

/// Permissions of a file, in octal.
pub fn file_mode(text: &str) -> Result<(), String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if (0o600..=0o777).contains(&mode) => Ok(()),
        _ => Err(format!("{text:?} is not a file mode such as 660")),
    }
}

/// Any text.
pub fn any(_: &str) -> Result<(), String> {
    Ok(())
}

/// The name of a header, in lower case.
pub fn header(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("{text:?} is no header's name, such as x-session (lower case)")),
    }
}

/// The name of a cookie, or nothing.
pub fn cookie(text: &str) -> Result<(), String> {
    match text.is_empty() {
        true => Ok(()),
        false => name(text),
    }
}

/// A rule that gives or takes commands.
pub fn command_rule(text: &str) -> Result<(), String> {
    match text.len() > 1 && text.starts_with(['+', '-']) {
        true => Ok(()),
        false => Err(format!("{text:?} is not a command rule such as -@admin, -flushall or +info")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Given {
        Given::Text(s.into())
    }

    #[test]
    fn sizes() {
        for (given, bytes) in [("0", 0), ("1000", 1000), ("1_000", 1000), ("64KiB", 65536), ("1 MiB", 1 << 20)] {
            assert_eq!(text(given).size(), Ok(bytes), "{given}");
        }
        assert_eq!(text("2mib").size(), Ok(2 << 20));
        assert_eq!(text("2MB").size(), Ok(2_000_000));
        for bad in ["", "MiB", "1.5MiB", "-1", "1TiB", "1MiB2", "99999999999GiB", "18446744073709551616"] {
            assert!(text(bad).size().is_err(), "{bad}");
        }
    }

    #[test]
    fn times() {
        for (given, ms) in [("250", 250), ("500ms", 500), ("10s", 10_000), ("2min", 120_000), ("1h", 3_600_000)] {
            assert_eq!(text(given).millis(), Ok(ms), "{given}");
        }
        assert_eq!(Given::Integer(16).millis(), Ok(16));
        assert!(Given::Integer(-1).millis().is_err());
        assert!(text("1d").millis().is_err());
    }

    #[test]
    fn sizes_are_shown_as_they_can_be_read() {
        for bytes in [0, 1, 1023, 1024, 480 << 10, 1 << 20, 3 << 30, (1 << 20) + 1] {
            assert_eq!(text(&shown_size(bytes)).size(), Ok(bytes as u64));
        }
        assert_eq!(shown_size(480 << 10), "480KiB");
    }

    #[test]
    fn a_selector_is_one_rule() {
        assert_eq!(rules("~a* +get (~b* +set) &c"), ["~a*", "+get", "(~b* +set)", "&c"]);
        assert_eq!(rules(""), [""; 0]);
        assert_eq!(rules("(+get)  (~b"), ["(+get)", "(~b"]);
    }

    #[test]
    fn addresses_origins_and_prefixes() {
        assert_eq!(address("localhost:7700"), Ok(SocketAddr::from(([127, 0, 0, 1], 7700))));
        assert!(address("[::1]:80").is_ok());
        assert!(address("7700").is_err() && address("example.com:80").is_err());
        assert!(origin("https://a.example:8443").is_ok() && origin("http://[::1]:80").is_ok() && origin("*").is_ok());
        assert!(origin("https://a.example/").is_err() && origin("a.example").is_err() && origin("https://*").is_err());
        assert!(prefix("").is_ok() && prefix("/live/v1").is_ok());
        assert!(host("live.example").is_ok() && host("*.example").is_ok() && host("*").is_ok());
        assert!(host("https://a").is_err() && host("a:80").is_err() && host("*.").is_err() && host("").is_err());
        assert!(network("10.0.0.0/8").is_ok() && network("unix").is_ok() && network("example.com").is_err());
        assert!(file_mode("660").is_ok() && file_mode("9").is_err() && file_mode("1777").is_err());
        assert!(prefix("live").is_err() && prefix("/live/").is_err() && prefix("/a b").is_err());
    }
}
