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
    match &args[1..] {
        [] => {}
        // Sizes are known without samples.
        [option, count] if is(option, "SAMPLES") => _ = usize::try_from(int(count)?).map_err(|_| errors::SYNTAX)?,
        _ => return Err(errors::SYNTAX),
    }
    Ok(txn.entry(&args[0]).map_or(Reply::Null, |entry| Reply::Int(entry.memory() as i64)))
}
