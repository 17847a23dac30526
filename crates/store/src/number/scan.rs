//! The text of a float, as C's `strtod` and `strtold` scan it: decimal and hexadecimal digits, exponents, `inf`, `nan`.

use super::big::Big;

/// What stands at the beginning of a text.
pub(super) struct Scanned<'a> {
    /// How many bytes of the text it is.
    pub len: usize,
    /// Whether there were spaces before it.
    pub after_space: bool,
    /// Whether it has a minus sign.
    pub negative: bool,
    /// What it is, without the sign.
    pub kind: Kind<'a>,
}

pub(super) enum Kind<'a> {
    Infinite,
    NotANumber,
    /// The digits with their point and exponent, as Rust reads them.
    Decimal(&'a str),
    /// A mantissa and the power of two it is multiplied with; `more` if further bits beyond it are not all zero.
    Hexadecimal {
        mantissa: u128,
        power: i64,
        more: bool,
    },
}

impl<'a> Scanned<'a> {
    /// `None` if no number stands at the beginning.
    pub(super) fn new(text: &'a [u8]) -> Option<Scanned<'a>> {
        let spaces = text.iter().take_while(|b| b" \t\n\x0b\x0c\r".contains(b)).count();
        let signed = matches!(text.get(spaces), Some(b'-' | b'+'));
        let negative = text.get(spaces) == Some(&b'-');
        let start = spaces + usize::from(signed);
        let (len, kind) = scan(&text[start..])?;
        Some(Scanned { len: start + len, after_space: spaces > 0, negative, kind })
    }

    /// The double; `None` if it is beyond the range of doubles: too great, or a zero that should not be one.
    pub(super) fn to_double(&self) -> Option<f64> {
        let value = self.to_nearest_double();
        let is_zero = || match self.kind {
            Kind::Decimal(text) => mantissa(text).all(|b| b == b'0'),
            Kind::Hexadecimal { mantissa, .. } => mantissa == 0,
            Kind::Infinite | Kind::NotANumber => false,
        };
        let out_of_range = value.is_infinite() && !matches!(self.kind, Kind::Infinite) || value == 0.0 && !is_zero();
        (!out_of_range).then_some(value)
    }

    /// The double next to it.
    pub(super) fn to_nearest_double(&self) -> f64 {
        let value = match self.kind {
            Kind::Infinite => f64::INFINITY,
            Kind::NotANumber => f64::NAN,
            Kind::Decimal(text) => text.parse().expect("the scan is no laxer than Rust"),
            Kind::Hexadecimal { mantissa, power, more } => double(mantissa, power, more),
        };
        if self.negative { -value } else { value }
    }
}

/// The digits before the exponent.
fn mantissa(decimal: &str) -> impl Iterator<Item = u8> {
    decimal.bytes().take_while(|b| !matches!(b, b'e' | b'E')).filter(|b| *b != b'.')
}

/// The decimal digits as an integer, and the power of ten it is multiplied with.
pub(super) fn decimal_parts(decimal: &str) -> (Big, i64) {
    let (digits, exponent) = decimal.split_once(['e', 'E']).unwrap_or((decimal, "0"));
    let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    // An exponent that does not fit in 64 bits is beyond all ranges, on its side.
    let beyond = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    let exponent: i64 = exponent.parse().unwrap_or(beyond);
    (Big::from_digits(mantissa(decimal)), exponent.saturating_sub(fraction as i64))
}

fn scan(text: &[u8]) -> Option<(usize, Kind<'_>)> {
    let starts_with =
        |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()));
    if starts_with("inf") {
        return Some((if starts_with("infinity") { 8 } else { 3 }, Kind::Infinite));
    }
    if starts_with("nan") {
        let inside = text[3..].strip_prefix(b"(").map(|rest| rest.iter().take_while(|b| is_word(**b)).count());
        let end = inside.map(|len| 4 + len).filter(|&end| text.get(end) == Some(&b')'));
        return Some((end.map_or(3, |end| end + 1), Kind::NotANumber));
    }
    if starts_with("0x")
        && let Some((len, kind)) = scan_hexadecimal(&text[2..])
    {
        return Some((2 + len, kind));
    }
    let len = digits_len(text, u8::is_ascii_digit)?;
    let len = len + exponent(&text[len..], b'e').map_or(0, |(len, _)| len);
    Some((len, Kind::Decimal(std::str::from_utf8(&text[..len]).expect("digits are ASCII"))))
}

fn scan_hexadecimal(text: &[u8]) -> Option<(usize, Kind<'_>)> {
    let digits = digits_len(text, u8::is_ascii_hexdigit)?;
    let (mut value, mut power, mut more, mut fraction) = (0_u128, 0_i64, false, false);
    for &byte in &text[..digits] {
        let Some(digit) = char::from(byte).to_digit(16) else {
            fraction = true;
            continue;
        };
        if value >> 120 == 0 {
            value = value << 4 | u128::from(digit);
            power -= if fraction { 4 } else { 0 };
        } else {
            more |= digit != 0;
            power += if fraction { 0 } else { 4 };
        }
    }
    let (len, written) = exponent(&text[digits..], b'p').unwrap_or((0, 0));
    Some((digits + len, Kind::Hexadecimal { mantissa: value, power: power.saturating_add(written), more }))
}

/// How long the digits with at most one point among them are; `None` without a digit.
fn digits_len(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<usize> {
    let whole = text.iter().take_while(|b| is_digit(b)).count();
    let fraction = text[whole..].strip_prefix(b".").map(|rest| rest.iter().take_while(|b| is_digit(b)).count());
    (whole + fraction.unwrap_or(0) > 0).then_some(whole + fraction.map_or(0, |len| 1 + len))
}

/// The length and the value of an exponent; of one without digits, nothing.
fn exponent(text: &[u8], letter: u8) -> Option<(usize, i64)> {
    let rest = text.split_first().filter(|(first, _)| first.eq_ignore_ascii_case(&letter))?.1;
    let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let beyond = if rest[0] == b'-' { i64::MIN / 2 } else { i64::MAX / 2 };
    let value = std::str::from_utf8(&rest[..sign + digits]).ok()?.parse().unwrap_or(beyond);
    Some((1 + sign + digits, value))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The double next to `mantissa` times two to `power`.
fn double(mantissa: u128, power: i64, more: bool) -> f64 {
    /// The power of two of a double's lowest bit, at least and at most.
    const POWERS: (i64, i64) = (-1074, 971);
    let (mantissa, power) = round(mantissa, power, more, 53, POWERS.0);
    if mantissa == 0 {
        return 0.0;
    }
    if power > POWERS.1 {
        return f64::INFINITY;
    }
    // In two steps, as two to the power may itself be below all doubles.
    let half = power / 2;
    mantissa as f64 * 2_f64.powi(half as i32) * 2_f64.powi((power - half) as i32)
}

/// `mantissa` times two to `power`, rounded to so many bits, of which the lowest stands for at least two to `power_min`:
/// to the nearest, and to the even one of two. The result has exactly so many bits if it can.
pub(super) fn round(mantissa: u128, power: i64, more: bool, bits: u32, power_min: i64) -> (u64, i64) {
    if mantissa == 0 {
        return (0, 0);
    }
    let mantissa_bits = 128 - mantissa.leading_zeros();
    let drop = (i64::from(mantissa_bits) - i64::from(bits)).max(power_min.saturating_sub(power));
    if drop <= 0 {
        let shift = (-drop).min(i64::from(bits) - i64::from(mantissa_bits));
        return ((mantissa << shift) as u64, power - shift);
    }
    if drop > 128 {
        return (0, 0);
    }
    let (kept, rest) = match drop {
        128 => (0, mantissa),
        drop => (mantissa >> drop, mantissa & ((1 << drop) - 1)),
    };
    let half = 1_u128 << (drop - 1);
    let up = rest > half || rest == half && (more || kept & 1 == 1);
    let kept = kept + u128::from(up);
    if kept >> bits != 0 { ((kept >> 1) as u64, power + drop + 1) } else { (kept as u64, power + drop) }
}
