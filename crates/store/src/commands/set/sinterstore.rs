//! `SINTERSTORE destination key [key …]` (<https://redis.io/docs/latest/commands/sinterstore/>).

use super::shared;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Stores what `SINTER` would answer; how many members that are.
pub const COMMAND: Command = Command::write("sinterstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    shared::store(txn, args, shared::intersection)
}
