//! `PUBSUB SHARDCHANNELS [pattern]` (<https://redis.io/docs/latest/commands/pubsub-shardchannels/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The shard channels that somebody is subscribed to: none, as the store is no cluster.
pub const COMMAND: Command = Command::read("pubsub|shardchannels", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Array(Vec::new()))
}
