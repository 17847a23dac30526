//! `SSUBSCRIBE shardchannel [shardchannel …]` (<https://redis.io/docs/latest/commands/ssubscribe/>).

use super::shared::subscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to shard channels.
pub const COMMAND: Command = Command::client("ssubscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    subscribe(txn, id, args, Space::Shard)
}
