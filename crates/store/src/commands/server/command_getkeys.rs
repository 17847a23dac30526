//! `COMMAND GETKEYS command [arg …]` (<https://redis.io/docs/latest/commands/command-getkeys/>).

use super::shared::table::keys_of;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The keys of a command line.
pub const COMMAND: Command = Command::read("command|getkeys", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let keys = keys_of(args)?;
    Ok(Reply::Array(keys.into_iter().map(|key| Reply::Bulk(args[key.position].clone())).collect()))
}
