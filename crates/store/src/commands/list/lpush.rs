//! `LPUSH key element [element …]` (<https://redis.io/docs/latest/commands/lpush/>).

use super::shared::{End, push};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Pushes elements to the head of a list; its length then.
pub const COMMAND: Command = Command::write("lpush", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    push(txn, args, End::Left)
}
