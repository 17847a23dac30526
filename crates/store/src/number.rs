//! Numbers as text: what Redis takes for an integer or a float, and how it writes a sum of decimals.

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

/// A double as `strtod` reads it: decimals, exponents and infinities, but not NaN and no spaces.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
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
///
/// Redis adds in `long double`, which is exact for every sum that people check by hand. Here such sums are exact because
/// they are done in decimal; numbers beyond 20 digits before the point or 17 behind it are added as doubles.
pub fn add_decimals(a: &[u8], b: &[u8]) -> Result<String, SumError> {
    let (x, y) = match (parse_double(a), parse_double(b)) {
        (Some(x), Some(y)) => (x, y),
        _ => return Err(SumError::NotANumber),
    };
    if !(x + y).is_finite() {
        return Err(SumError::NotFinite);
    }
    match (fixed_point(a), fixed_point(b)) {
        (Some(a), Some(b)) => Ok(format_fixed_point(a + b)),
        _ => Ok(format_human(x + y)),
    }
}

/// A finite double without exponent and trailing zeros, with at most 17 decimals.
pub fn format_human(value: f64) -> String {
    let shortest = value.to_string();
    let decimals = shortest.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if decimals <= DECIMALS {
        return if shortest == "-0" { "0".to_owned() } else { shortest };
    }
    let text = format!("{value:.DECIMALS$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Decimals behind the point that Redis keeps.
const DECIMALS: usize = 17;
/// Beyond so many digits before the point, sums are doubles.
const DIGITS_MAX: i32 = 20;

/// The number times 10^17, if it is an integer then and not too long.
fn fixed_point(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let digits: Vec<u8> = mantissa.iter().copied().filter(|&b| b != b'.').collect();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let end = digits.iter().rposition(|&b| b != b'0').map_or(0, |last| last + 1);
    let significant = std::str::from_utf8(&digits[..end]).ok()?.trim_start_matches('0');
    // The number is `significant` times ten to this power.
    let power = i32::try_from(point).ok()?.checked_sub(i32::try_from(end).ok()?)?.checked_add(exponent)?;
    let length = i32::try_from(significant.len()).ok()?;
    if significant.is_empty() {
        return Some(0);
    }
    let shift = power.checked_add(DECIMALS as i32)?;
    if shift < 0 || length.checked_add(power)? > DIGITS_MAX {
        return None;
    }
    let value = significant.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(shift as u32)?)?;
    Some(if negative { -value } else { value })
}

fn format_fixed_point(value: i128) -> String {
    const ONE: u128 = 10_u128.pow(DECIMALS as u32);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) = (value.unsigned_abs() / ONE, value.unsigned_abs() % ONE);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0DECIMALS$}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
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
    fn sums_are_those_that_people_expect() {
        for (a, b, sum) in [
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3", "-3.5", "-0.5"),
            ("-0.5", "0.5", "0"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-18", "0", "0"),
            ("99999999999999999999", "1", "100000000000000000000"),
            ("1e21", "1e21", "2000000000000000000000"),
            ("+.5", "1.", "1.5"),
            ("1e-30", "1e30", "1000000000000000000000000000000"),
        ] {
            assert_eq!(add_decimals(a.as_bytes(), b.as_bytes()).as_deref(), Ok(sum), "{a} + {b}");
        }
        assert_eq!(add_decimals(b"1", b"x"), Err(SumError::NotANumber));
        assert_eq!(add_decimals(b"nan", b"1"), Err(SumError::NotANumber));
        assert_eq!(add_decimals(b"inf", b"1"), Err(SumError::NotFinite));
        assert_eq!(add_decimals(b"1e308", b"1e308"), Err(SumError::NotFinite));
    }
}
