//! `LATENCY HISTORY event` (<https://redis.io/docs/latest/commands/latency-history/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// When delays of a kind were, and how long.
pub const COMMAND: Command = Command::read("latency|history", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if !args[0].eq_ignore_ascii_case(b"command") {
        return Ok(Reply::Array(Vec::new()));
    }
    let sample = |(at_ms, ms): (u64, u64)| Reply::Array(vec![Reply::Int((at_ms / 1000) as i64), Reply::Int(ms as i64)]);
    Ok(Reply::Array(txn.state.slowlog.delays().map(sample).collect()))
}
