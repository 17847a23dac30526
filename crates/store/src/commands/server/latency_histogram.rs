//! `LATENCY HISTOGRAM [command …]` (<https://redis.io/docs/latest/commands/latency-histogram/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// How long commands took, by command: not measured, so nothing.
pub const COMMAND: Command = Command::read("latency|histogram", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Map(Vec::new()))
}
