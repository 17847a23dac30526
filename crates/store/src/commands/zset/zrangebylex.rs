//! `ZRANGEBYLEX key min max [LIMIT offset count]` (<https://redis.io/docs/latest/commands/zrangebylex/>).

use super::shared::{By, select};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members between two members, where all scores are equal.
pub const COMMAND: Command = Command::read("zrangebylex", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, Some(By::Lex), Some(false))
}
