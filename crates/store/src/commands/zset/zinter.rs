//! `ZINTER numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]` (<https://redis.io/docs/latest/commands/zinter/>).

use super::shared::{Operation, combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members that are in all of the keys.
pub const COMMAND: Command = Command::read("zinter", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    combined(txn, args, Operation::Intersection, "zinter")
}
