//! `SLOWLOG HELP` (<https://redis.io/docs/latest/commands/slowlog-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `SLOWLOG` can do.
pub const COMMAND: Command = Command::read("slowlog|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("slowlog"))
}
