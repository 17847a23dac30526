//! `MEMORY USAGE key [SAMPLES count]` (<https://redis.io/docs/latest/commands/memory-usage/>).

use crate::commands::args::{int, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Bytes that a key takes, about; null without it.
pub const COMMAND: Command = Command::read("memory|usage", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let samples = match &args[1..] {
        [] => None,
        [option, count] if is(option, "SAMPLES") => Some(usize::try_from(int(count)?).map_err(|_| errors::SYNTAX)?),
        _ => return Err(errors::SYNTAX),
    };
    let Some(entry) = txn.entry(&args[0]) else { return Ok(Reply::Null) };
    let usual = entry.memory(&args[0]);
    let bytes = samples.map_or(usual, |n| usual - entry.value.memory() + entry.value.memory_sampled(n));
    Ok(Reply::Int(bytes as i64))
}
