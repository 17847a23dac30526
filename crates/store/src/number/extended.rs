//! The 80-bit `long double` of x86 with its 64-bit mantissa, in which Redis adds decimals: parsed, added and written
//! with the roundings that a C library has there, so that sums are the same to the last digit.

use super::big::Big;
use super::scan::{Kind, Scanned, decimal_parts, round};
use std::fmt;

/// Bits of the mantissa.
const BITS: u32 = 64;
/// The power of two of the lowest bit, at least and at most.
const POWER_MIN: i64 = -16445;
const POWER_MAX: i64 = 16320;
/// Longer texts are no numbers for Redis.
const TEXT_MAX: usize = 5 * 1024;
/// Beyond so many decimal digits before the point, or zeros behind it, a number is out of range.
const DIGITS_MAX: i64 = 4970;

/// A number that is not NaN.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Extended {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Magnitude {
    Infinite,
    /// `mantissa` times two to `power`. The highest bit of the mantissa is set unless the number is zero or below the
    /// normal range.
    Finite {
        mantissa: u64,
        power: i64,
    },
}

impl Extended {
    /// From text as Redis takes it: what `strtold` reads, all of it and no space before, not beyond the range; not NaN.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        let text = Some(text).filter(|text| text.len() < TEXT_MAX)?;
        let scanned = Scanned::new(text).filter(|scanned| scanned.len == text.len() && !scanned.after_space)?;
        let magnitude = match scanned.kind {
            Kind::NotANumber => return None,
            Kind::Infinite => Magnitude::Infinite,
            Kind::Decimal(text) => parse_decimal(text)?,
            Kind::Hexadecimal { mantissa: 0, .. } => ZERO,
            Kind::Hexadecimal { mantissa, power, more } => finite(mantissa, power, more)?,
        };
        Some(Extended { negative: scanned.negative, magnitude })
    }

    /// Whether it is infinite.
    pub fn is_infinite(self) -> bool {
        self.magnitude == Magnitude::Infinite
    }

    /// The sum; `None` if it is not finite.
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        let (Magnitude::Finite { .. }, Magnitude::Finite { .. }) = (self.magnitude, other.magnitude) else {
            return None;
        };
        let (great, small) = if self.top() >= other.top() { (self, other) } else { (other, self) };
        let (a, power) = great.spread();
        let (b, b_power) = small.spread();
        // The smaller number's bits below the greater one's are only remembered as being there.
        let shift = (power - b_power).max(0);
        let (b, lost) = match shift {
            0 => (b, false),
            shift if shift < 128 => (b >> shift, b & ((1 << shift) - 1) != 0),
            _ => (0, b != 0),
        };
        let (sum, negative) = match great.negative == small.negative {
            true => (a + b, great.negative),
            false if a >= b + u128::from(lost) => (a - b - u128::from(lost), great.negative),
            false => (b - a, small.negative),
        };
        if sum == 0 && !lost {
            return Some(Extended { negative: self.negative && other.negative, magnitude: ZERO });
        }
        Some(Extended { negative, magnitude: finite(sum, power, lost)? })
    }

    /// The power of two above the highest bit: compares magnitudes roughly.
    fn top(self) -> i64 {
        match self.magnitude {
            Magnitude::Finite { mantissa: 0, .. } => i64::MIN,
            Magnitude::Finite { mantissa, power } => power + i64::from(BITS - mantissa.leading_zeros()),
            Magnitude::Infinite => i64::MAX,
        }
    }

    /// The mantissa with room below it: one bit is left free above, for a carry.
    fn spread(self) -> (u128, i64) {
        match self.magnitude {
            Magnitude::Finite { mantissa: 0, .. } | Magnitude::Infinite => (0, i64::MIN / 2),
            Magnitude::Finite { mantissa, power } => {
                let shift = 62 + mantissa.leading_zeros();
                (u128::from(mantissa) << shift, power - i64::from(shift))
            }
        }
    }
}

const ZERO: Magnitude = Magnitude::Finite { mantissa: 0, power: 0 };

/// The number next to these bits; `None` if it is beyond the range, or becomes zero though it is none.
fn finite(mantissa: u128, power: i64, more: bool) -> Option<Magnitude> {
    let (mantissa, power) = round(mantissa, power, more, BITS, POWER_MIN);
    (mantissa != 0 && power <= POWER_MAX).then_some(Magnitude::Finite { mantissa, power })
}

fn parse_decimal(text: &str) -> Option<Magnitude> {
    let (mut digits, exponent) = decimal_parts(text);
    if digits.is_zero() {
        return Some(ZERO);
    }
    // A decimal digit is a little over 3.3 bits.
    let before_point = exponent.saturating_add(digits.bits() * 3 / 10);
    if before_point.abs() > 2 * DIGITS_MAX {
        return None;
    }
    if exponent >= 0 {
        digits.mul_pow10(exponent as u64);
        let (top, power, more) = digits.top();
        return finite(top, power, more);
    }
    let mut divisor = Big::from_u64(1);
    divisor.mul_pow10(exponent.unsigned_abs());
    // So many bits that the quotient has more than the mantissa and one to round by.
    let shift = (divisor.bits() - digits.bits() + i64::from(BITS) + 3).max(0);
    digits.shl(shift as u64);
    if digits.bits() - divisor.bits() < 126 {
        let (quotient, more) = digits.div(&divisor);
        return finite(quotient, -shift, more);
    }
    // More digits than matter: what is cut off is remembered as being there.
    let excess = digits.bits() - divisor.bits() - 120;
    divisor.shl(excess as u64);
    let (quotient, more) = digits.div(&divisor);
    finite(quotient, excess - shift, more)
}

impl fmt::Display for Extended {
    /// As Redis writes it: `%.17Lf` without the zeros at the end, and no minus before a zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DECIMALS: usize = 17;
        const ONE: u64 = 10_u64.pow(DECIMALS as u32);
        let sign = if self.negative { "-" } else { "" };
        let (mantissa, power) = match self.magnitude {
            Magnitude::Infinite => return write!(f, "{sign}inf"),
            Magnitude::Finite { mantissa, power } => (mantissa, power),
        };
        if power >= 0 {
            let mut whole = Big::from_u64(mantissa);
            whole.shl(power as u64);
            return write!(f, "{}{}", if mantissa == 0 { "" } else { sign }, whole.into_digits());
        }
        let below = power.unsigned_abs();
        let (whole, fraction) = match below {
            64.. => (0, mantissa),
            _ => (mantissa >> below, mantissa & ((1 << below) - 1)),
        };
        // Below 2^121: what is 128 bits down is not half of the last decimal.
        let product = u128::from(fraction) * u128::from(ONE);
        let mut decimals = 0;
        if below < 128 {
            let (quotient, rest) = (product >> below, product & ((1 << below) - 1));
            let half = 1_u128 << (below - 1);
            decimals = quotient as u64 + u64::from(rest > half || rest == half && quotient & 1 == 1);
        }
        let whole = whole + decimals / ONE;
        let decimals = decimals % ONE;
        if decimals == 0 {
            return write!(f, "{}{whole}", if whole == 0 { "" } else { sign });
        }
        let text = format!("{decimals:0DECIMALS$}");
        write!(f, "{sign}{whole}.{}", text.trim_end_matches('0'))
    }
}
