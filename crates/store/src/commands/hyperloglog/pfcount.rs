//! `PFCOUNT key [key …]` (<https://redis.io/docs/latest/commands/pfcount/>).

use super::shared::{check, corrupt};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use crate::types::hll::{self, Registers};
use bytes::Bytes;
use model::Reply;

/// About how many different elements were counted, under all keys together. Redis keeps the answer in the value of a
/// single key; here a read changes nothing.
pub const COMMAND: Command = Command::read("pfcount", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if let [key] = args {
        let Some(text) = txn.read::<Text>(key)? else { return Ok(Reply::Int(0)) };
        check(text)?;
        if let Some(count) = hll::kept_count(text) {
            return Ok(Reply::Int(count as i64));
        }
    }
    let mut registers = Registers::new();
    for key in args {
        if let Some(text) = txn.read::<Text>(key)? {
            check(text)?;
            registers.merge(text).ok_or_else(corrupt)?;
        }
    }
    Ok(Reply::Int(registers.count() as i64))
}
