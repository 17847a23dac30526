//! `LATENCY GRAPH event` (<https://redis.io/docs/latest/commands/latency-graph/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// A picture of delays: of none, as Redis says it.
pub const COMMAND: Command = Command::read("latency|graph", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let event = String::from_utf8_lossy(&args[0]).into_owned();
    Err(errors::custom(format!("No samples available for event '{event}'")))
}
