//! `RPUSH key element [element …]` (<https://redis.io/docs/latest/commands/rpush/>).

use super::shared::{End, push};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Pushes elements to the tail of a list; its length then.
pub const COMMAND: Command = Command::write("rpush", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    push(txn, args, End::Right)
}
