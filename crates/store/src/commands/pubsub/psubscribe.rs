//! `PSUBSCRIBE pattern [pattern …]` (<https://redis.io/docs/latest/commands/psubscribe/>).

use super::shared::subscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to all channels that globs match.
pub const COMMAND: Command = Command::client("psubscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    subscribe(txn, id, args, Space::Pattern)
}
