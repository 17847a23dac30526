//! `BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type offset increment …]`
//! (<https://redis.io/docs/latest/commands/bitfield/>).

use super::shared::{edit, get_bit, offset, set_bit};
use crate::commands::args::{int, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::number::parse_int;
use crate::types::Text;
use bytes::Bytes;
use model::{Error, Reply};

/// Reads, sets and adds to integers of any width that lie in a string.
pub const COMMAND: Command = Command::write("bitfield", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, operations) = (&args[0], parse(&args[1..])?);
    let last_bit = operations.iter().filter(|operation| !operation.is_read()).map(|o| o.field.end() - 1).max();
    let Some(last_bit) = last_bit else {
        let text = txn.read::<Text>(key)?.map_or(&b""[..], |text| text);
        return Ok(Reply::Array(operations.iter().map(|operation| get(text, operation.field)).collect()));
    };
    edit(txn, key, last_bit, |bytes, has_grown| {
        let mut changed = has_grown;
        let replies = operations.iter().map(|operation| operation.apply(bytes, &mut changed)).collect();
        Edit::when(changed, Reply::Array(replies))
    })
}

/// An integer's place in a string.
#[derive(Clone, Copy)]
pub struct Field {
    signed: bool,
    bits: u32,
    offset: u64,
}

/// What is done with a field.
pub struct Operation {
    /// The field.
    pub field: Field,
    action: Action,
}

enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// The operations that the arguments after the key name.
pub fn parse(args: &[Bytes]) -> Result<Vec<Operation>, Error> {
    let (mut operations, mut overflow) = (Vec::new(), Overflow::Wrap);
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        rest = match after {
            [kind, place, after @ ..] if is(word, "GET") => {
                operations.push(Operation { field: Field::parse(kind, place)?, action: Action::Get });
                after
            }
            [kind, place, value, after @ ..] if is(word, "SET") => {
                let field = Field::parse(kind, place)?;
                operations.push(Operation { field, action: Action::Set(int(value)?, overflow) });
                after
            }
            [kind, place, value, after @ ..] if is(word, "INCRBY") => {
                let field = Field::parse(kind, place)?;
                operations.push(Operation { field, action: Action::Add(int(value)?, overflow) });
                after
            }
            [kind, after @ ..] if is(word, "OVERFLOW") => {
                overflow = parse_overflow(kind)?;
                after
            }
            _ => return Err(errors::SYNTAX),
        };
    }
    Ok(operations)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow, Error> {
    match () {
        () if is(word, "WRAP") => Ok(Overflow::Wrap),
        () if is(word, "SAT") => Ok(Overflow::Saturate),
        () if is(word, "FAIL") => Ok(Overflow::Fail),
        () => Err(errors::custom("Invalid OVERFLOW type specified")),
    }
}

impl Operation {
    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        matches!(self.action, Action::Get)
    }

    fn apply(&self, bytes: &mut [u8], changed: &mut bool) -> Reply {
        let old = self.field.read(bytes);
        let (value, by, overflow) = match self.action {
            Action::Get => return Reply::Int(old),
            Action::Set(value, overflow) => (value, 0, overflow),
            Action::Add(by, overflow) => (old, by, overflow),
        };
        let Some(new) = self.field.sum(value, by, overflow) else { return Reply::Null };
        self.field.write(bytes, new);
        *changed = true;
        Reply::Int(if matches!(self.action, Action::Set(..)) { old } else { new })
    }
}

/// The reply of a field that is only read.
pub fn get(bytes: &[u8], field: Field) -> Reply {
    Reply::Int(field.read(bytes))
}

impl Field {
    fn parse(kind: &[u8], place: &[u8]) -> Result<Field, Error> {
        let invalid = || {
            errors::custom(
                "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            )
        };
        let (signed, bits) = match kind {
            [b'i', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => return Err(invalid()),
        };
        let bits_max = if signed { 64 } else { 63 };
        let bits = parse_int(bits).filter(|bits| (1..=bits_max).contains(bits)).ok_or_else(invalid)? as u32;
        Ok(Field { signed, bits, offset: offset(place, Some(bits))? })
    }

    fn end(self) -> u64 {
        self.offset + u64::from(self.bits)
    }

    fn read(self, bytes: &[u8]) -> i64 {
        let bits = (self.offset..self.end()).fold(0, |value, at| value << 1 | i64::from(get_bit(bytes, at)));
        self.wrapped(bits)
    }

    fn write(self, bytes: &mut [u8], value: i64) {
        for (at, bit) in (self.offset..self.end()).zip((0..self.bits).rev()) {
            set_bit(bytes, at, value >> bit & 1 == 1);
        }
    }

    /// The lowest bits, as many as the field has, with the field's sign.
    fn wrapped(self, value: i64) -> i64 {
        let shift = 64 - self.bits;
        let high = value << shift;
        if self.signed { high >> shift } else { (high as u64 >> shift) as i64 }
    }

    /// `value + by` as the field holds it; `None` if it does not fit and that is to fail. What does not fit is found as
    /// Redis finds it, in 64 bits that wrap, so that the same numbers are taken for too great.
    fn sum(self, value: i64, by: i64, overflow: Overflow) -> Option<i64> {
        let max = if self.signed { i64::MAX >> (64 - self.bits) } else { (u64::MAX >> (64 - self.bits)) as i64 };
        let min = if self.signed { -max - 1 } else { 0 };
        let (room_above, room_below) = (max.wrapping_sub(value), min.wrapping_sub(value));
        let (above, below) = match self.signed {
            true => (
                value > max || by > room_above && (self.bits != 64 || value >= 0 && by > 0),
                value < min || by < room_below && (self.bits != 64 || value < 0 && by < 0),
            ),
            // A negative number to be set is a great one here.
            false => (value as u64 > max as u64 || by > 0 && by > room_above, by < 0 && by < room_below),
        };
        match overflow {
            _ if !above && !below => Some(self.wrapped(value.wrapping_add(by))),
            Overflow::Fail => None,
            Overflow::Saturate => Some(if above { max } else { min }),
            Overflow::Wrap => Some(self.wrapped(value.wrapping_add(by))),
        }
    }
}
