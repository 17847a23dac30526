//! Numbers as RESP writes them.

/// The most digits a 64-bit integer has.
const DIGITS_MAX: usize = 20;

/// Why a number was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoNumber {
    /// The line has not ended.
    Incomplete,
    /// It is none, or it is too large.
    Invalid,
}

/// An integer up to CRLF, and how many bytes both are: `[+|-]` and digits.
pub(super) fn integer_line(line: &[u8]) -> Result<(i64, usize), NoNumber> {
    let (negative, start) = match line.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let mut magnitude = 0_u64;
    for (at, byte) in line.iter().enumerate().skip(start) {
        match byte {
            b'0'..=b'9' if at < start + DIGITS_MAX => {
                let digit = u64::from(byte - b'0');
                let sum = magnitude.checked_mul(10).and_then(|tens| tens.checked_add(digit));
                magnitude = sum.ok_or(NoNumber::Invalid)?;
            }
            b'\r' if at > start => {
                return match line.get(at + 1) {
                    None => Err(NoNumber::Incomplete),
                    Some(b'\n') => Ok((signed(negative, magnitude).ok_or(NoNumber::Invalid)?, at + 2)),
                    Some(_) => Err(NoNumber::Invalid),
                };
            }
            _ => return Err(NoNumber::Invalid),
        }
    }
    Err(NoNumber::Incomplete)
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A length in its usual form up to the carriage return, and how many bytes both are with the byte behind: what nearly all
/// requests consist of. `None`: it has not come whole, or it is something to look at closely.
pub(super) fn short_length(line: &[u8]) -> Option<(usize, usize)> {
    const SHORT_DIGITS_MAX: usize = 9;
    let mut length = 0;
    for (at, byte) in line.iter().enumerate().take(SHORT_DIGITS_MAX + 1) {
        match byte {
            b'0'..=b'9' => length = length * 10 + usize::from(byte - b'0'),
            b'\r' => {
                let canonical = at > 0 && (at == 1 || line[0] != b'0');
                return (canonical && at + 1 < line.len()).then_some((length, at + 2));
            }
            _ => return None,
        }
    }
    None
}

/// A length as Redis' `string2ll` reads it: the one canonical form of a 64-bit integer.
pub(super) fn canonical(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text == b"0",
        [b'1'..=b'9', rest @ ..] => rest.len() < DIGITS_MAX && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A double's text: decimals, exponents, `inf`, `nan`, each with a sign or without.
pub(super) fn double(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// An integer of any size.
pub(super) fn is_big_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::double::DoubleText;
    use proptest::prelude::*;

    #[test]
    fn integers_end_at_crlf() {
        for (line, expected) in [("0\r\n", (0, 3)), ("-1\r\nx", (-1, 4)), ("+12\r\n", (12, 5)), ("007\r\n", (7, 5))] {
            assert_eq!(integer_line(line.as_bytes()), Ok(expected), "{line}");
        }
        for number in [i64::MIN, i64::MAX] {
            let line = format!("{number}\r\n");
            assert_eq!(integer_line(line.as_bytes()), Ok((number, line.len())));
        }
        for line in ["", "-", "+", "1", "12\r", "-1\r"] {
            assert_eq!(integer_line(line.as_bytes()), Err(NoNumber::Incomplete), "{line}");
        }
        let bad = [
            "\r\n",
            "-\r\n",
            "a",
            "1a",
            "1\rx",
            "--1",
            "1 \r\n",
            "9223372036854775808\r\n",
            "-9223372036854775809\r\n",
        ];
        for line in bad.into_iter().chain(["99999999999999999999", "000000000000000000000"]) {
            assert_eq!(integer_line(line.as_bytes()), Err(NoNumber::Invalid), "{line}");
        }
    }

    #[test]
    fn short_lengths_are_canonical() {
        assert_eq!(short_length(b"0\r\n"), Some((0, 3)));
        assert_eq!(short_length(b"123456789\r\nx"), Some((123_456_789, 11)));
        for line in ["", "\r\n", "01\r\n", "1", "1\r", "-1\r\n", "+1\r\n", "1234567890\r\n", "a\r\n"] {
            assert_eq!(short_length(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn lengths_have_one_form() {
        for good in ["0", "1", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(canonical(good.as_bytes()), good.parse().ok(), "{good}");
        }
        for bad in ["", "-", "-0", "+1", "01", " 1", "1 ", "9223372036854775808", "99999999999999999999999"] {
            assert_eq!(canonical(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn doubles_come_back(bits in any::<u64>(), small in -1_000_000_i64..1_000_000, shift in 0..12) {
            for value in [f64::from_bits(bits), small as f64 / 10_f64.powi(shift), small as f64 * 10_f64.powi(shift * 2)] {
                let read = double(DoubleText::new(value).as_bytes()).unwrap();
                prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{value:e} {read:e}");
            }
        }
    }
}
