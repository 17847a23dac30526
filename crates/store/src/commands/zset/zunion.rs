//! `ZUNION numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]` (<https://redis.io/docs/latest/commands/zunion/>).

use super::shared::{Operation, combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members that are in one of the keys at least.
pub const COMMAND: Command = Command::read("zunion", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    combined(txn, args, Operation::Union, "zunion")
}
