//! `XGROUP HELP` (<https://redis.io/docs/latest/commands/xgroup-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `XGROUP` can do.
pub const COMMAND: Command = Command::read("xgroup|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("xgroup"))
}
