//! `ZREMRANGEBYSCORE key min max` (<https://redis.io/docs/latest/commands/zremrangebyscore/>).

use super::shared::{By, remove};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Removes the members with scores between two bounds; how many they were.
pub const COMMAND: Command = Command::write("zremrangebyscore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    remove(txn, args, By::Score)
}
