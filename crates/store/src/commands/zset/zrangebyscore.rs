//! `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]` (<https://redis.io/docs/latest/commands/zrangebyscore/>).

use super::shared::{By, select};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members with scores between two bounds.
pub const COMMAND: Command = Command::read("zrangebyscore", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, Some(By::Score), Some(false))
}
