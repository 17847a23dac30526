//! `ZREVRANGEBYLEX key max min [LIMIT offset count]` (<https://redis.io/docs/latest/commands/zrevrangebylex/>).

use super::shared::{By, select};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members between two members, where all scores are equal, from the last on.
pub const COMMAND: Command = Command::read("zrevrangebylex", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, Some(By::Lex), Some(true))
}
