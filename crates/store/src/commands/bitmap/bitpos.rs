//! `BITPOS key bit [start [end [BYTE | BIT]]]` (<https://redis.io/docs/latest/commands/bitpos/>).

use super::shared::{Section, get_bit};
use crate::commands::args::{int, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;
use std::ops::Range;

/// The place of the first bit that is set, or clear. Behind a string whose end is not given, all bits are clear.
pub const COMMAND: Command = Command::read("bitpos", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let bit = match int(&args[1])? {
        bit @ (0 | 1) => bit == 1,
        _ => return Err(errors::custom("The bit argument must be 1 or 0.")),
    };
    let section = match &args[2..] {
        [] => Section::WHOLE,
        options => Section::parse(options)?,
    };
    let Some(text) = txn.read::<Text>(&args[0])? else { return Ok(Reply::Int(if bit { -1 } else { 0 })) };
    let bits = section.bits(text.len());
    let end = bits.end;
    Ok(match find(text, bit, bits.clone()) {
        Some(at) => size(at),
        None if bit || section.has_end || bits.is_empty() => Reply::Int(-1),
        None => size(end),
    })
}

fn find(bytes: &[u8], bit: bool, mut bits: Range<usize>) -> Option<usize> {
    let skipped = if bit { 0 } else { 0xff };
    while bits.start < bits.end {
        // A byte that holds only the other bit is passed at once.
        if bits.start.is_multiple_of(8) && bytes[bits.start / 8] == skipped {
            bits.start += 8;
        } else if get_bit(bytes, bits.start as u64) == bit {
            return Some(bits.start);
        } else {
            bits.start += 1;
        }
    }
    None
}
