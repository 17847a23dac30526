//! `ZLEXCOUNT key min max` (<https://redis.io/docs/latest/commands/zlexcount/>).

use super::shared::{By, count};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many members lie between two members.
pub const COMMAND: Command = Command::read("zlexcount", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    count(txn, args, By::Lex)
}
