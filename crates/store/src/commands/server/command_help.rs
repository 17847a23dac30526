//! `COMMAND HELP` (<https://redis.io/docs/latest/commands/command-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `COMMAND` can do.
pub const COMMAND: Command = Command::read("command|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("command"))
}
