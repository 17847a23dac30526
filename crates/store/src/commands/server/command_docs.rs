//! `COMMAND DOCS [command-name …]` (<https://redis.io/docs/latest/commands/command-docs/>).

use super::shared::table::{documented, named, top_level};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Where commands are documented, and since when they exist.
pub const COMMAND: Command = Command::read("command|docs", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(Reply::Map(match args {
        [] => top_level().map(documented).collect(),
        _ => args.iter().filter_map(|name| named(name)).map(documented).collect(),
    }))
}
