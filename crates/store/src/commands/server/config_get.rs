//! `CONFIG GET parameter [parameter …]` (<https://redis.io/docs/latest/commands/config-get/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The settings whose names match a glob.
pub const COMMAND: Command = Command::read("config|get", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let found = txn.state.settings.matching(args).map(|(name, value)| (Reply::bulk(name), Reply::bulk(value)));
    Ok(Reply::Map(found.collect()))
}
