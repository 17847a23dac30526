//! `PUBSUB SHARDCHANNELS [pattern]` (<https://redis.io/docs/latest/commands/pubsub-shardchannels/>).

use super::shared::names;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::pubsub::Space;
use bytes::Bytes;

/// The shard channels that somebody is subscribed to.
pub const COMMAND: Command = Command::read("pubsub|shardchannels", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if args.len() > 1 {
        let message = "unknown subcommand or wrong number of arguments for 'SHARDCHANNELS'. Try PUBSUB HELP.";
        return Err(errors::custom(message));
    }
    Ok(names(txn, Space::Shard, args.first()))
}
