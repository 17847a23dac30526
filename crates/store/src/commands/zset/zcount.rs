//! `ZCOUNT key min max` (<https://redis.io/docs/latest/commands/zcount/>).

use super::shared::{By, count};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many members have scores between two bounds.
pub const COMMAND: Command = Command::read("zcount", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    count(txn, args, By::Score)
}
