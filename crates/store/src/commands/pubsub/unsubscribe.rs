//! `UNSUBSCRIBE [channel …]` (<https://redis.io/docs/latest/commands/unsubscribe/>).

use super::shared::unsubscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to these channels, or to all of them, no more.
pub const COMMAND: Command = Command::client("unsubscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    unsubscribe(txn, id, args, Space::Channel)
}
