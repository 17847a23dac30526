//! `BITCOUNT key [start end [BYTE | BIT]]` (<https://redis.io/docs/latest/commands/bitcount/>).

use super::shared::Section;
use crate::commands::args::{int, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;

/// How many bits are set, in the whole string or in a part of it.
pub const COMMAND: Command = Command::read("bitcount", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let section = match &args[1..] {
        [] => Section::WHOLE,
        [_] => return Err(errors::SYNTAX),
        options => {
            // Both numbers are looked at before the unit.
            int(&options[0]).and(int(&options[1]))?;
            Section::parse(options)?
        }
    };
    let Some(text) = txn.read::<Text>(&args[0])? else { return Ok(Reply::Int(0)) };
    if section.is_reversed() {
        return Ok(Reply::Int(0));
    }
    let bits = section.bits(text.len());
    Ok(size(count(text, bits.start, bits.end)))
}

/// How many of the bits from `start` up to (not including) `end` are set.
fn count(bytes: &[u8], start: usize, end: usize) -> usize {
    if start >= end {
        return 0;
    }
    let (first, last) = (start / 8, (end - 1) / 8);
    let ones = |bytes: &[u8]| -> usize {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: usize = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones() as usize).sum();
        words + rest.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()
    };
    let before = (bytes[first] & !(0xff >> (start % 8))).count_ones();
    let after = (bytes[last] & 0xff_u8.checked_shr((end - 1) as u32 % 8 + 1).unwrap_or(0)).count_ones();
    ones(&bytes[first..=last]) - before as usize - after as usize
}
