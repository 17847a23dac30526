//! `COMMAND INFO [command-name …]` (<https://redis.io/docs/latest/commands/command-info/>).

use super::shared::table::{described, named, top_level};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// What the command table says of commands; null for one that is not there.
pub const COMMAND: Command = Command::read("command|info", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(Reply::Array(match args {
        [] => top_level().map(described).collect(),
        _ => txn.room().gather(args.iter().map(|name| named(name).map_or(Reply::Null, described)))?,
    }))
}
