//! Bitmaps: strings as arrays of bits (<https://redis.io/docs/latest/commands/?group=bitmap>).

mod bitcount;
mod bitfield;
mod bitfield_ro;
mod bitop;
mod bitpos;
mod getbit;
mod setbit;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &bitcount::COMMAND,
    &bitfield::COMMAND,
    &bitfield_ro::COMMAND,
    &bitop::COMMAND,
    &bitpos::COMMAND,
    &getbit::COMMAND,
    &setbit::COMMAND,
];
