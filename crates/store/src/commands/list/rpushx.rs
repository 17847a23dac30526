//! `RPUSHX key element [element …]` (<https://redis.io/docs/latest/commands/rpushx/>).

use super::shared::{End, push_existing};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Pushes elements to the tail of a list that exists; its length then.
pub const COMMAND: Command = Command::write("rpushx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    push_existing(txn, args, End::Right)
}
