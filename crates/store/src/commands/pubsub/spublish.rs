//! `SPUBLISH shardchannel message` (<https://redis.io/docs/latest/commands/spublish/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::state::State;
use bytes::Bytes;

/// Sends a message to a shard channel; how many subscriptions receive it.
pub const COMMAND: Command = Command::write("spublish", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let State { pubsub, outbox, .. } = &mut *txn.state;
    Ok(size(pubsub.publish_to_shard(&args[0], &args[1], outbox)))
}
