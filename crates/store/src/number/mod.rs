//! Numbers as text: what Redis takes for an integer or a float, and how it writes a sum of decimals.
//!
//! * `scan`: the text of a float as C's `strtod` reads it
//! * `extended`: the `long double` in which Redis adds decimals

mod big;
mod extended;
mod scan;

pub use extended::Extended;
use scan::Scanned;

/// A 64-bit integer in its one canonical form: no plus, no leading zero, no space.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text == b"0",
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A double as Redis takes it from an argument: what `strtod` reads, all of it and no space before, not beyond the range of
/// doubles on either side; not NaN.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let scanned = Scanned::new(text).filter(|scanned| scanned.len == text.len() && !scanned.after_space)?;
    let value = scanned.to_double()?;
    (!value.is_nan()).then_some(value)
}

/// A double as Redis takes it from the end of a range: what `strtod` reads from a C string, spaces before it allowed,
/// numbers beyond the range infinite or zero, and nothing at all zero; not NaN.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|&b| b == 0).next().unwrap_or(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let scanned = Scanned::new(text).filter(|scanned| scanned.len == text.len())?;
    let value = scanned.to_nearest_double();
    (!value.is_nan()).then_some(value)
}

/// Why two numbers were not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SumError {
    /// One of them is not a number.
    NotANumber,
    /// The sum is infinite or not a number.
    NotFinite,
}

/// The sum of two decimal numbers, as `INCRBYFLOAT` writes it: no exponent, no trailing zeros, at most 17 decimals.
pub fn add_decimals(a: &[u8], b: &[u8]) -> Result<String, SumError> {
    let (Some(a), Some(b)) = (Extended::parse(a), Extended::parse(b)) else { return Err(SumError::NotANumber) };
    let sum = a.checked_add(b).ok_or(SumError::NotFinite)?;
    Ok(sum.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for good in ["0", "1", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(parse_int(good.as_bytes()), Some(good.parse().unwrap()), "{good}");
        }
        let bad = ["", "-", "-0", "+1", "01", " 1", "1 ", "1.0", "9223372036854775808", "99999999999999999999", "a"];
        for bad in bad {
            assert_eq!(parse_int(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn doubles_are_what_strtod_reads() {
        for (text, value) in [
            ("1.5", 1.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("-3e2", -300.0),
            ("0x1p3", 8.0),
            ("-0x.8", -0.5),
            ("0X1F", 31.0),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1p-1074", 5e-324),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e308", 1e308),
        ] {
            assert_eq!(parse_double(text.as_bytes()), Some(value), "{text}");
        }
        for text in
            ["", " 1", "1 ", "1e", "0x", "e5", ".", "nan", "1e400", "-1e400", "1e-400", "0x1p9999", "1\0", "infi"]
        {
            assert_eq!(parse_double(text.as_bytes()), None, "{text}");
        }
        for (text, value) in [("", 0.0), (" 1", 1.0), ("1e400", f64::INFINITY), ("1\0x", 1.0), ("0x1p-9999", 0.0)] {
            assert_eq!(parse_bound(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!((parse_bound(b"1 "), parse_bound(b"nan"), parse_bound(b"x")), (None, None, None));
    }

    #[test]
    fn sums_are_those_of_redis() {
        for (a, b, sum) in [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "-3.5", "-0.5"),
            ("-0.5", "0.5", "0"),
            ("-0", "-0", "0"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("99999999999999999999", "1", "100000000000000000000"),
            ("1e21", "1e21", "2000000000000000000000"),
            ("+.5", "1.", "1.5"),
            ("1e-30", "1e30", "1000000000000000000024696061952"),
            ("1e400", "1e400", ""),
        ] {
            let got = add_decimals(a.as_bytes(), b.as_bytes());
            assert!(got.as_deref() == Ok(sum) || sum.is_empty() && got.unwrap().len() == 401, "{a} + {b}");
        }
        assert_eq!(add_decimals(b"1", b"x"), Err(SumError::NotANumber));
        assert_eq!(add_decimals(b"nan", b"1"), Err(SumError::NotANumber));
        assert_eq!(add_decimals(b"inf", b"1"), Err(SumError::NotFinite));
        assert_eq!(add_decimals(b"1e4932", b"1e4932"), Err(SumError::NotFinite));
        assert_eq!(add_decimals(b"1e4933", b"1"), Err(SumError::NotANumber));
    }
}
