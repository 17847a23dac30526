//! `CONFIG HELP` (<https://redis.io/docs/latest/commands/config-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `CONFIG` can do.
pub const COMMAND: Command = Command::read("config|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("config"))
}
