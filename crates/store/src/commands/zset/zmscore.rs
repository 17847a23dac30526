//! `ZMSCORE key member [member …]` (<https://redis.io/docs/latest/commands/zmscore/>).

use super::shared::score_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// The scores of several members.
pub const COMMAND: Command = Command::read("zmscore", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let zset = txn.read::<Zset>(&args[0])?;
    let score = |member: &Bytes| score_or_null(zset.and_then(|zset| zset.score(member)));
    Ok(Reply::Array(args[1..].iter().map(score).collect()))
}
