//! `XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]` (<https://redis.io/docs/latest/commands/xtrim/>).

use super::shared::TrimOptions;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;

/// Removes the oldest entries; how many they were.
pub const COMMAND: Command = Command::write("xtrim", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (mut options, mut rest) = (TrimOptions::default(), &args[1..]);
    while !rest.is_empty() {
        rest = options.take(rest)?.ok_or(errors::SYNTAX)?;
    }
    let no_strategy = "syntax error, XTRIM must be called with a trimming strategy";
    let trim = options.finish()?.ok_or_else(|| errors::custom(no_strategy))?;
    let removed = txn.update(&args[0], |stream: &mut Stream| {
        let removed = stream.trim(trim);
        Edit::when(removed > 0, removed)
    })?;
    Ok(size(removed.unwrap_or(0)))
}
