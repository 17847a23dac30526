//! Deadlines as commands write them: seconds or milliseconds, from now or since 1970.

use super::args::is;
use crate::errors;
use model::Error;

/// What the number of a deadline means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unit {
    /// Seconds, else milliseconds.
    pub seconds: bool,
    /// From now, else since 1970.
    pub relative: bool,
}

impl Unit {
    /// `EX`
    pub const SECONDS: Unit = Unit { seconds: true, relative: true };
    /// `PX`
    pub const MILLISECONDS: Unit = Unit { seconds: false, relative: true };
    /// `EXAT`
    pub const AT_SECONDS: Unit = Unit { seconds: true, relative: false };
    /// `PXAT`
    pub const AT_MILLISECONDS: Unit = Unit { seconds: false, relative: false };

    /// Of the option `EX`, `PX`, `EXAT` or `PXAT`.
    pub fn of_option(option: &[u8]) -> Option<Unit> {
        let options = [
            ("EX", Unit::SECONDS),
            ("PX", Unit::MILLISECONDS),
            ("EXAT", Unit::AT_SECONDS),
            ("PXAT", Unit::AT_MILLISECONDS),
        ];
        options.into_iter().find(|(name, _)| is(option, name)).map(|(_, unit)| unit)
    }
}

/// The deadline in milliseconds since 1970; 0 for any before that. `invalid expire time` of this command if it is
/// beyond what 64 bits hold.
pub fn deadline_ms(unit: Unit, number: i64, now_ms: u64, command: &str) -> Result<u64, Error> {
    let ms = if unit.seconds { number.checked_mul(1000) } else { Some(number) };
    let base = if unit.relative { i64::try_from(now_ms).unwrap_or(i64::MAX) } else { 0 };
    let deadline = ms.and_then(|ms| ms.checked_add(base)).ok_or_else(|| invalid(command))?;
    Ok(u64::try_from(deadline).unwrap_or(0))
}

/// The error for a deadline that the command does not take.
pub fn invalid(command: &str) -> Error {
    errors::custom(format!("invalid expire time in '{command}' command"))
}
