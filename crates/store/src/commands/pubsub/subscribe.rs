//! `SUBSCRIBE channel [channel …]` (<https://redis.io/docs/latest/commands/subscribe/>).

use super::shared::subscribe;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Listens to channels.
pub const COMMAND: Command = Command::client("subscribe", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    subscribe(txn, id, args, Space::Channel)
}
