//! `ZREMRANGEBYRANK key start stop` (<https://redis.io/docs/latest/commands/zremrangebyrank/>).

use super::shared::{By, remove};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Removes the members of a range of ranks; how many they were.
pub const COMMAND: Command = Command::write("zremrangebyrank", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    remove(txn, args, By::Rank)
}
