//! `SETBIT key offset value` (<https://redis.io/docs/latest/commands/setbit/>).

use super::shared::{edit, offset, set_bit};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::Reply;

/// Sets a bit of a string, padded with zeros as far as needed; the bit that was there.
pub const COMMAND: Command = Command::write("setbit", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let offset = offset(&args[1], None)?;
    let bit = parse_int(&args[2]).filter(|bit| matches!(bit, 0 | 1));
    let bit = bit.ok_or_else(|| errors::custom("bit is not an integer or out of range"))? == 1;
    edit(txn, &args[0], offset, |bytes, has_grown| {
        let old = set_bit(bytes, offset, bit);
        Edit::when(has_grown || old != bit, Reply::Int(old.into()))
    })
}
