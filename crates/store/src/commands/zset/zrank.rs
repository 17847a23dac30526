//! `ZRANK key member [WITHSCORE]` (<https://redis.io/docs/latest/commands/zrank/>).

use super::shared::rank;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many members come before this one.
pub const COMMAND: Command = Command::read("zrank", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    rank(txn, args, false, "zrank")
}
