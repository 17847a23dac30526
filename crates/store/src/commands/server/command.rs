//! `COMMAND` (<https://redis.io/docs/latest/commands/command/>).

use super::shared::table::{described, top_level};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// All commands, as `COMMAND INFO` shows them.
pub const COMMAND: Command = Command::read("command", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Array(top_level().map(described).collect()))
}
