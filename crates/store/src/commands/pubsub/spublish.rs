//! `SPUBLISH shardchannel message` (<https://redis.io/docs/latest/commands/spublish/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Sends a message to a shard channel. The store is no cluster and nobody can subscribe to one: nobody receives it.
pub const COMMAND: Command = Command::read("spublish", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Int(0))
}
