//! `ZDIFF numkeys key [key …] [WITHSCORES]` (<https://redis.io/docs/latest/commands/zdiff/>).

use super::shared::{Operation, combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members of the first key that are in none of the others.
pub const COMMAND: Command = Command::read("zdiff", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    combined(txn, args, Operation::Difference, "zdiff")
}
