//! The error texts that more than one command answers with, word for word as Redis writes them.

use model::Error;
use std::borrow::Cow;

const fn err(message: &'static str) -> Error {
    coded(model::error::ERR, message)
}

const fn coded(code: &'static str, message: &'static str) -> Error {
    Error { code: Cow::Borrowed(code), message: Cow::Borrowed(message) }
}

/// Options that do not fit together or are not known.
pub const SYNTAX: Error = err("syntax error");
/// The key holds a value of another type.
pub const WRONG_TYPE: Error = coded(model::error::WRONGTYPE, "Operation against a key holding the wrong kind of value");
/// An argument or a value is not a 64-bit integer in its shortest decimal form.
pub const NOT_AN_INTEGER: Error = err("value is not an integer or out of range");
/// An argument is not a decimal number.
pub const NOT_A_FLOAT: Error = err("value is not a valid float");
/// An argument is negative where only positive numbers (or zero) make sense.
pub const NOT_POSITIVE: Error = err("value is out of range, must be positive");
/// A number is beyond what the command takes.
pub const OUT_OF_RANGE: Error = err("value is out of range");
/// The least integer, where its positive counterpart is needed too.
pub const RANGE_OF_INT: Error =
    err("value is out of range, value must between -9223372036854775807 and 9223372036854775807");
/// A number that Redis keeps in 32 bits does not fit in them.
pub const RANGE_OF_INT32: Error = err("value is out of range, value must between -2147483648 and 2147483647");
/// The sum does not fit in 64 bits.
pub const OVERFLOW: Error = err("increment or decrement would overflow");
/// The sum is no number that can be stored.
pub const NOT_FINITE: Error = err("increment would produce NaN or Infinity");
/// The key must exist and does not.
pub const NO_SUCH_KEY: Error = err("no such key");
/// A list index beyond the list.
pub const INDEX_OUT_OF_RANGE: Error = err("index out of range");
/// A cursor that is not a number.
pub const INVALID_CURSOR: Error = err("invalid cursor");
/// A database number that the store does not have.
pub const DB_OUT_OF_RANGE: Error = err("DB index is out of range");
/// A string beyond Redis' limit of 512 MiB.
pub const STRING_TOO_LONG: Error = err("string exceeds maximum allowed size (proto-max-bulk-len)");
/// `numkeys` is zero or negative.
pub const NUMKEYS_NOT_POSITIVE: Error = err("numkeys should be greater than 0");
/// `numkeys` is more than there are arguments.
pub const NUMKEYS_TOO_MANY: Error = err("Number of keys can't be greater than number of args");
/// `COUNT` of a multi-pop is zero, negative or not a number.
pub const COUNT_NOT_POSITIVE: Error = err("count should be greater than 0");
/// `LIMIT` of a cardinality is negative.
pub const LIMIT_NEGATIVE: Error = err("LIMIT can't be negative");

/// The reply would be over what one may hold.
pub const REPLY_TOO_BIG: Error = coded(model::error::TOOBIG, "the reply would be too large; ask for less of it");
/// The same of a command that changes something.
pub const DONE_REPLY_TOO_BIG: Error =
    coded(model::error::TOOBIG, "the reply is too large; the command was carried out");

/// A transaction that will not be carried out.
pub const EXEC_ABORT: Error = coded("EXECABORT", "Transaction discarded because of previous errors.");
/// Memory is short and nothing can make room.
pub const OUT_OF_MEMORY: Error = coded("OOM", "command not allowed when used memory > 'maxmemory'.");

/// An error of one command, with the prefix `ERR`.
pub fn custom(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(model::error::ERR, message)
}
