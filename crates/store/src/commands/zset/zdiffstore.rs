//! `ZDIFFSTORE destination numkeys key [key …]` (<https://redis.io/docs/latest/commands/zdiffstore/>).

use super::shared::{Operation, store_combined};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members of the first key that are in none of the others, stored in another key; how many they are.
pub const COMMAND: Command = Command::write("zdiffstore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    store_combined(txn, args, Operation::Difference, "zdiffstore")
}
