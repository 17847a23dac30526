//! `PUBSUB SHARDNUMSUB [shardchannel …]` (<https://redis.io/docs/latest/commands/pubsub-shardnumsub/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Shard channels and how many are subscribed to each, in turn: none, as the store is no cluster.
pub const COMMAND: Command = Command::read("pubsub|shardnumsub", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pair = |channel: &Bytes| [Reply::Bulk(channel.clone()), Reply::Int(0)];
    Ok(Reply::Array(args.iter().flat_map(pair).collect()))
}
