//! `SDIFFSTORE destination key [key …]` (<https://redis.io/docs/latest/commands/sdiffstore/>).

use super::shared;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Stores what `SDIFF` would answer; how many members that are.
pub const COMMAND: Command = Command::write("sdiffstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    shared::store(txn, args, shared::difference)
}
