//! The text of a double, as Redis writes scores and distances.
//!
//! One place for all who write doubles: replies in either version of the protocol, and the log that must read back as what
//! was written.

use std::io::Write;

/// Up to here, a double that is an integer is written as one, with every digit.
const INTEGER_DOUBLE_MAX: f64 = (1_u64 << 62) as f64;

/// A double's text, on the stack.
#[derive(Debug)]
pub struct DoubleText {
    bytes: [u8; 32],
    length: usize,
}

impl DoubleText {
    /// As Redis since 7.2 and Valkey write a double (`d2string`, `fpconv_dtoa`): the shortest digits that read back as the
    /// same; integers without exponent up to 2^62, and beyond while at most seven zeros follow the digits.
    /// (Redis before 7.2 writes 17 digits: `0.10000000000000001` where this is `0.1`.)
    pub fn new(value: f64) -> DoubleText {
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
    pub fn as_bytes(&self) -> &[u8] {
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
    let text = std::str::from_utf8(&text[..32 - unused]).expect("a number is text");
    let (mantissa, exponent) = text.split_once('e').expect("this form has an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    let mut count = 0;
    for digit in mantissa.bytes().filter(u8::is_ascii_digit) {
        buffer[count] = digit;
        count += 1;
    }
    (&buffer[..count], exponent - (count as i32 - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
