//! Deadlines set and asked for in four units, and moves of a key.

pub mod sort;

use crate::commands::Outcome;
use crate::commands::args::{flag, int, is};
use crate::commands::units::{Unit, deadline_ms};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use bytes::Bytes;
use model::{Error, Reply};

/// `key number [NX | XX | GT | LT]`: gives the key a deadline; whether it did. A deadline that has come deletes the key.
pub fn expire(txn: &mut Txn<'_>, args: &[Bytes], unit: Unit, command: &str) -> Outcome {
    let (key, condition) = (&args[0], Condition::parse(&args[2..])?);
    let deadline = deadline_ms(unit, int(&args[1])?, txn.now_ms(), command)?;
    if !txn.exists(key) || !condition.allows(txn.deadline_ms(key), deadline) {
        return Ok(flag(false));
    }
    txn.set_deadline(key, Some(deadline));
    Ok(flag(true))
}

/// When `EXPIRE` and its kin may change a deadline.
#[derive(Default)]
struct Condition {
    /// `NX`: only if there is none.
    none: bool,
    /// `XX`: only if there is one.
    some: bool,
    /// `GT`: only to a later one; none is later than any.
    later: bool,
    /// `LT`: only to a sooner one.
    sooner: bool,
}

impl Condition {
    fn parse(options: &[Bytes]) -> Result<Condition, Error> {
        let mut condition = Condition::default();
        for option in options {
            match option {
                o if is(o, "NX") => condition.none = true,
                o if is(o, "XX") => condition.some = true,
                o if is(o, "GT") => condition.later = true,
                o if is(o, "LT") => condition.sooner = true,
                o => {
                    let shown = o.split(|&b| b == 0).next().unwrap_or_default();
                    return Err(errors::custom(format!("Unsupported option {}", String::from_utf8_lossy(shown))));
                }
            }
        }
        if condition.none && (condition.some || condition.later || condition.sooner) {
            return Err(errors::custom("NX and XX, GT or LT options at the same time are not compatible"));
        }
        if condition.later && condition.sooner {
            return Err(errors::custom("GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    fn allows(&self, old: Option<u64>, new: u64) -> bool {
        !(self.none && old.is_some()
            || self.some && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

/// What is left until the key's deadline, or the deadline itself, in whole seconds to the nearest: -2 without the key, -1 without a deadline.
pub fn time_to_live(txn: &Txn<'_>, key: &[u8], unit: Unit) -> Outcome {
    if !txn.exists(key) {
        return Ok(Reply::Int(-2));
    }
    let Some(deadline) = txn.deadline_ms(key) else { return Ok(Reply::Int(-1)) };
    let ms = if unit.relative { deadline.saturating_sub(txn.now_ms()) } else { deadline };
    let shown = if unit.seconds { ms.saturating_add(500) / 1000 } else { ms };
    Ok(Reply::Int(i64::try_from(shown).unwrap_or(i64::MAX)))
}

/// Gives the value of `source`, with its deadline, another name, whatever that held. `no such key` without a source;
/// whether it was done, which it is not if `only_if_free` and there is such a key.
pub fn rename(txn: &mut Txn<'_>, source: &Bytes, destination: &Bytes, only_if_free: bool) -> Result<bool, Error> {
    if !txn.exists(source) {
        return Err(errors::NO_SUCH_KEY);
    }
    if source == destination {
        return Ok(!only_if_free);
    }
    if only_if_free && txn.exists(destination) {
        return Ok(false);
    }
    if let Some(entry) = txn.remove(source) {
        let deadline = entry.deadline_ms().map_or(Deadline::Never, Deadline::At);
        txn.set(destination, entry.value, deadline);
    }
    Ok(true)
}

/// The number of a database that exists.
pub fn database(txn: &Txn<'_>, arg: &[u8]) -> Result<usize, Error> {
    let number = i32::try_from(int(arg)?).map_err(|_| errors::RANGE_OF_INT32)?;
    let number = usize::try_from(number).ok().filter(|&number| number < txn.databases());
    number.ok_or(errors::DB_OUT_OF_RANGE)
}
