//! `ZREMRANGEBYLEX key min max` (<https://redis.io/docs/latest/commands/zremrangebylex/>).

use super::shared::{By, remove};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Removes the members between two members; how many they were.
pub const COMMAND: Command = Command::write("zremrangebylex", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    remove(txn, args, By::Lex)
}
