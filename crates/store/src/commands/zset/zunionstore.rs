//! `ZUNIONSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]` (<https://redis.io/docs/latest/commands/zunionstore/>).

use super::shared::{Operation, store_combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members that are in one of the keys at least, stored in another key; how many they are.
pub const COMMAND: Command = Command::write("zunionstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    store_combined(txn, args, Operation::Union, "zunionstore")
}
