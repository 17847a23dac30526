//! `ZINTERSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]` (<https://redis.io/docs/latest/commands/zinterstore/>).

use super::shared::{Operation, store_combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members that are in all of the keys, stored in another key; how many they are.
pub const COMMAND: Command = Command::write("zinterstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    store_combined(txn, args, Operation::Intersection, "zinterstore")
}
