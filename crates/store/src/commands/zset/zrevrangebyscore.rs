//! `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]` (<https://redis.io/docs/latest/commands/zrevrangebyscore/>).

use super::shared::{By, select};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members with scores between two bounds, from the greatest score on.
pub const COMMAND: Command = Command::read("zrevrangebyscore", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, Some(By::Score), Some(true))
}
