//! `ZSCORE key member` (<https://redis.io/docs/latest/commands/zscore/>).

use super::shared::score_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;

/// A member's score.
pub const COMMAND: Command = Command::read("zscore", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(score_or_null(txn.read::<Zset>(&args[0])?.and_then(|zset| zset.score(&args[1]))))
}
