//! `XINFO HELP` (<https://redis.io/docs/latest/commands/xinfo-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `XINFO` can do.
pub const COMMAND: Command = Command::read("xinfo|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("xinfo"))
}
