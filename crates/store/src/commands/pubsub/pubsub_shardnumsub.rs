//! `PUBSUB SHARDNUMSUB [shardchannel …]` (<https://redis.io/docs/latest/commands/pubsub-shardnumsub/>).

use super::shared::counts;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Shard channels and how many are subscribed to each, in turn.
pub const COMMAND: Command = Command::read("pubsub|shardnumsub", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(counts(txn, Space::Shard, args))
}
