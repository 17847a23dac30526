//! What several string commands do.

use crate::commands::args::int;
use crate::commands::units::{Unit, deadline_ms, invalid};
use crate::commands::{Outcome, args};
use crate::db::txn::{Deadline, Edit, Txn};
use crate::errors;
use crate::number::parse_int;
use crate::types::{Text, Value};
use bytes::{Bytes, BytesMut};
use model::{Error, Reply};

/// The longest string, in bytes, as in Redis.
pub const STRING_BYTES_MAX: usize = 512 << 20;

/// Adds to the integer that the key holds (0 if it is missing) and answers the sum.
pub fn increment(txn: &mut Txn<'_>, key: &Bytes, by: i64) -> Outcome {
    let text = |number: i64| Text::new(itoa::Buffer::new().format(number).as_bytes());
    let sum = txn.try_update(key, |held: &mut Text| {
        let old = parse_int(held).ok_or(errors::NOT_AN_INTEGER)?;
        let sum = old.checked_add(by).ok_or(errors::OVERFLOW)?;
        *held = text(sum);
        Ok(Edit::changed(sum))
    })?;
    if sum.is_none() {
        txn.set(key, Value::Str(text(by)), Deadline::Never);
    }
    Ok(Reply::Int(sum.unwrap_or(by)))
}

/// The deadline that an option and its positive number mean, or the error of `command`.
pub fn deadline(unit: Unit, number: &[u8], now_ms: u64, command: &str) -> Result<u64, Error> {
    match int(number)? {
        number if number > 0 => deadline_ms(unit, number, now_ms, command),
        _ => Err(invalid(command)),
    }
}

/// Sets a key with a deadline of its own, for `SETEX` and `PSETEX`.
pub fn set_with_deadline(txn: &mut Txn<'_>, args: &[Bytes], unit: Unit, command: &str) -> Outcome {
    let deadline = deadline(unit, &args[1], txn.now_ms(), command)?;
    txn.set(&args[0], Value::Str(Text::new(&args[2])), Deadline::At(deadline));
    Ok(Reply::OK)
}

/// The part of a string from `start` to `end`, both inclusive, negative ones counted from the end. Unlike in a list, an
/// end before the first byte means the first byte.
pub fn substring(string: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let end = if end < 0 { end.saturating_add(string.len() as i64).max(0) } else { end };
    &string[args::range(start, end, string.len())]
}

/// Changes the bytes of the key's string (empty if it is missing), in place, and answers the new length.
pub fn edit_bytes(txn: &mut Txn<'_>, key: &Bytes, edit: impl FnOnce(&mut BytesMut)) -> Outcome {
    txn.write(key, |string: &mut Text| {
        edit(string.edit());
        Edit::changed(args::size(string.len()))
    })
}
