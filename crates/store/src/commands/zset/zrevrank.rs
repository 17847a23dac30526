//! `ZREVRANK key member [WITHSCORE]` (<https://redis.io/docs/latest/commands/zrevrank/>).

use super::shared::rank;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many members come after this one.
pub const COMMAND: Command = Command::read("zrevrank", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    rank(txn, args, true, "zrevrank")
}
