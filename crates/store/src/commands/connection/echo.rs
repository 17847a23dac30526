//! `ECHO message` (<https://redis.io/docs/latest/commands/echo/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The message.
pub const COMMAND: Command = Command::read("echo", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(Reply::Bulk(args[0].clone()))
}
