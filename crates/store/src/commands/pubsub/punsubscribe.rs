//! `PUNSUBSCRIBE [pattern …]` (<https://redis.io/docs/latest/commands/punsubscribe/>).

use super::shared::unsubscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to these patterns, or to all of them, no more.
pub const COMMAND: Command = Command::client("punsubscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    unsubscribe(txn, id, args, Space::Pattern)
}
