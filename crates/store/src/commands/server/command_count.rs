//! `COMMAND COUNT` (<https://redis.io/docs/latest/commands/command-count/>).

use super::shared::table::top_level;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many commands the store has, subcommands not counted.
pub const COMMAND: Command = Command::read("command|count", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(size(top_level().count()))
}
