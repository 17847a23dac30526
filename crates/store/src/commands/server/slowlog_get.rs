//! `SLOWLOG GET [count]` (<https://redis.io/docs/latest/commands/slowlog-get/>).

use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::slowlog::Entry;
use bytes::Bytes;
use model::Reply;

/// The newest commands that took long: number, time, microseconds, the command, who sent it.
pub const COMMAND: Command = Command::read("slowlog|get", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    /// How many Redis shows if it is not said.
    const COUNT_DEFAULT: i64 = 10;
    let count = args.first().map_or(Ok(COUNT_DEFAULT), |count| int(count))?;
    if count < -1 || args.len() > 1 {
        return Err(errors::custom("count should be greater than or equal to -1"));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let shown = |entry: &Entry| {
        Reply::Array(vec![
            Reply::Int(entry.id as i64),
            Reply::Int((entry.at_ms / 1000) as i64),
            Reply::Int(entry.micros as i64),
            Reply::Array(entry.words.iter().map(|word| Reply::Bulk(word.clone())).collect()),
            Reply::bulk(&*entry.address),
            Reply::Bulk(entry.name.clone()),
        ])
    };
    Ok(Reply::Array(txn.state.slowlog.newest().take(count).map(shown).collect()))
}
