//! The errors of strings that are no HyperLogLog.

use crate::types::hll::Hll;
use model::Error;

/// `WRONGTYPE` for a string that does not begin as a HyperLogLog does.
pub fn check(text: &[u8]) -> Result<(), Error> {
    let wrong = || Error::new(model::error::WRONGTYPE, "Key is not a valid HyperLogLog string value.");
    Hll::is_valid(text).then_some(()).ok_or_else(wrong)
}

/// The error for one that begins well and goes on badly.
pub fn corrupt() -> Error {
    Error::new("INVALIDOBJ", "Corrupted HLL object detected")
}
