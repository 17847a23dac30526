//! Numbers as RESP writes them.

use std::io::Write;

/// The most digits a 64-bit integer has.
const DIGITS_MAX: usize = 20;
/// Up to here, a double that is an integer is written as one, with every digit.
const INTEGER_DOUBLE_MAX: f64 = (1_u64 << 62) as f64;

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

/// A double's text, on the stack.
#[derive(Debug)]
pub(super) struct DoubleText {
    bytes: [u8; 32],
    length: usize,
}

impl DoubleText {
    /// As Redis since 7.2 and Valkey write a double (`d2string`, `fpconv_dtoa`): the shortest digits that read back as the
    /// same; integers without exponent up to 2^62, and beyond while at most seven zeros follow the digits.
    /// (Redis before 7.2 writes 17 digits: `0.10000000000000001` where this is `0.1`.)
    pub(super) fn new(value: f64) -> DoubleText {
        let mut text = DoubleText { bytes: [0; 32], length: 0 };
        if value.is_nan() {
            text.put(b"nan");
        } else if value.is_infinite() {
            text.put(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value == 0.0 {
            text.put(if value.is_sign_negative() { b"-0" } else { b"0" });
        } else if value.abs() <= INTEGER_DOUBLE_MAX && value.fract() == 0.0 {
            text.put(itoa::Buffer::new().format(value as i64).as_bytes());
        } else {
            text.put_shortest(value);
        }
        text
    }

    /// The text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn put(&mut self, text: &[u8]) {
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text);
        self.length += text.len();
    }

    fn put_zeros(&mut self, count: usize) {
        self.put(&b"00000000000000000000"[..count]);
    }

    fn put_shortest(&mut self, value: f64) {
        if value < 0.0 {
            self.put(b"-");
        }
        let mut buffer = [0; 20];
        let (digits, power) = shortest(value.abs(), &mut buffer);
        // The value is `digits` times ten to `power`; with one digit before the point, ten to `exponent`.
        let exponent = power + digits.len() as i32 - 1;
        let count = digits.len() as i32;
        if power >= 0 && exponent.abs() < count + 7 {
            self.put(digits);
            self.put_zeros(power as usize);
        } else if power < 0 && (power > -7 || exponent.abs() < 4) {
            self.put_decimals(digits, count + power);
        } else {
            self.put_scientific(digits, exponent);
        }
    }

    /// `before` digits stand before the point; if negative, so many zeros behind it come first.
    fn put_decimals(&mut self, digits: &[u8], before: i32) {
        if before <= 0 {
            self.put(b"0.");
            self.put_zeros(-before as usize);
            self.put(digits);
        } else {
            let (whole, fraction) = digits.split_at(before as usize);
            self.put(whole);
            self.put(b".");
            self.put(fraction);
        }
    }

    fn put_scientific(&mut self, digits: &[u8], exponent: i32) {
        self.put(&digits[..1]);
        if digits.len() > 1 {
            self.put(b".");
            self.put(&digits[1..]);
        }
        self.put(if exponent < 0 { b"e-" } else { b"e+" });
        self.put(itoa::Buffer::new().format(exponent.abs()).as_bytes());
    }
}

/// The fewest digits that read back as `value`, which is positive and finite, and the power of ten to multiply them with.
fn shortest(value: f64, buffer: &mut [u8; 20]) -> (&[u8], i32) {
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    write!(rest, "{value:e}").expect("17 digits, a point and an exponent of 3 digits fit in 32 bytes");
    let unused = rest.len();
    let text = &text[..text.len() - unused];
    let (mantissa, exponent) = text.split_at(text.iter().position(|&b| b == b'e').unwrap_or(text.len()));
    let exponent = canonical(exponent.strip_prefix(b"e").unwrap_or(b"0")).unwrap_or(0) as i32;
    let mut count = 0;
    for &digit in mantissa.iter().filter(|digit| digit.is_ascii_digit()) {
        buffer[count] = digit;
        count += 1;
    }
    (&buffer[..count], exponent - (count as i32 - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn doubles_look_as_in_redis() {
        // As a valkey-server 9.1 answers ZSCORE.
        let cases: [(f64, &str); 36] = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (1e8, "100000000"),
            (3e15, "3000000000000000"),
            (9007199254740991.0, "9007199254740991"),
            (-4503599627370496.0, "-4503599627370496"),
            (1.5e17, "150000000000000000"),
            (1234567890123456789.0, "1234567890123456768"),
            (4611686018427387904.0, "4611686018427387904"),
            (-4611686018427387904.0, "-4611686018427387904"),
            (4611686018427388928.0, "4611686018427389000"),
            (4.7e18, "4.7e+18"),
            (9223372036854775807.0, "9223372036854776000"),
            (1e19, "1e+19"),
            (12345678901234567890.0, "12345678901234567000"),
            (1.7e25, "1.7e+25"),
            (0.1, "0.1"),
            (-0.5, "-0.5"),
            (1234.5678, "1234.5678"),
            (123456789.125, "123456789.125"),
            (0.001, "0.001"),
            (0.01234567, "0.01234567"),
            (0.00123456789, "0.00123456789"),
            (0.000001, "0.000001"),
            (0.0000001, "1e-7"),
            (-0.00000012, "-1.2e-7"),
            (1e-10, "1e-10"),
            (1.234e-5, "1.234e-5"),
            (123.456e-10, "1.23456e-8"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, expected) in cases {
            assert_eq!(String::from_utf8_lossy(DoubleText::new(value).as_bytes()), expected);
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
