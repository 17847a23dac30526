//! `LPUSHX key element [element …]` (<https://redis.io/docs/latest/commands/lpushx/>).

use super::shared::{End, push_existing};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Pushes elements to the head of a list that exists; its length then.
pub const COMMAND: Command = Command::write("lpushx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    push_existing(txn, args, End::Left)
}
