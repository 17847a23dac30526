//! `ZREVRANGE key start stop [WITHSCORES]` (<https://redis.io/docs/latest/commands/zrevrange/>).

use super::shared::{By, select};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members of a range of ranks, counted from the greatest score.
pub const COMMAND: Command = Command::read("zrevrange", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, Some(By::Rank), Some(true))
}
