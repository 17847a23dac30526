//! `MEMORY HELP` (<https://redis.io/docs/latest/commands/memory-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `MEMORY` can do.
pub const COMMAND: Command = Command::read("memory|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("memory"))
}
