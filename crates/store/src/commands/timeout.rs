//! How long a command may wait, as it says it.

use crate::errors;
use crate::number::{parse_double, parse_int};
use model::Error;

/// Seconds with a fraction, 0 for ever: the deadline in milliseconds since 1970.
pub fn seconds(arg: &[u8], now_ms: u64) -> Result<Option<u64>, Error> {
    let not_a_float = || errors::custom("timeout is not a float or out of range");
    let seconds = parse_double(arg).ok_or_else(not_a_float)?;
    let ms = (seconds * 1000.0).ceil();
    if ms > i64::MAX as f64 {
        return Err(errors::custom("timeout is out of range"));
    }
    deadline(ms as i64, now_ms)
}

/// Milliseconds, 0 for ever.
pub fn milliseconds(arg: &[u8], now_ms: u64) -> Result<Option<u64>, Error> {
    let ms = parse_int(arg).ok_or_else(|| errors::custom("timeout is not an integer or out of range"))?;
    deadline(ms, now_ms)
}

fn deadline(ms: i64, now_ms: u64) -> Result<Option<u64>, Error> {
    match u64::try_from(ms) {
        Err(_) => Err(errors::custom("timeout is negative")),
        Ok(0) => Ok(None),
        Ok(ms) => {
            let deadline = now_ms.checked_add(ms).filter(|&deadline| i64::try_from(deadline).is_ok());
            deadline.map(Some).ok_or_else(|| errors::custom("timeout is out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_positive_and_zero_is_for_ever() {
        assert_eq!(seconds(b"0", 5), Ok(None));
        assert_eq!(seconds(b"0.0011", 5), Ok(Some(7)));
        assert_eq!(milliseconds(b"10", 5), Ok(Some(15)));
        for bad in ["-1", "x", "nan", "1e400"] {
            assert!(seconds(bad.as_bytes(), 0).is_err(), "{bad}");
        }
        assert!(milliseconds(b"1.5", 0).is_err() && milliseconds(b"9223372036854775807", 1).is_err());
    }
}
