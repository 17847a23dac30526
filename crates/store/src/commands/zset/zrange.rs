//! `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]` (<https://redis.io/docs/latest/commands/zrange/>).

use super::shared::select;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Members of a range, by rank, score or member, from either end.
pub const COMMAND: Command = Command::read("zrange", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    select(txn, args, None, None)
}
