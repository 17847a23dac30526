//! `LATENCY HELP` (<https://redis.io/docs/latest/commands/latency-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `LATENCY` can do.
pub const COMMAND: Command = Command::read("latency|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("latency"))
}
