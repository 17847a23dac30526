//! `SUNSUBSCRIBE [shardchannel …]` (<https://redis.io/docs/latest/commands/sunsubscribe/>).

use super::shared::unsubscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to these shard channels, or to all of them, no more.
pub const COMMAND: Command = Command::client("sunsubscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    unsubscribe(txn, id, args, Space::Shard)
}
