//! `PUBSUB NUMSUB [channel …]` (<https://redis.io/docs/latest/commands/pubsub-numsub/>).

use super::shared::counts;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// Channels and how many are subscribed to each, in turn; patterns are not counted.
pub const COMMAND: Command = Command::read("pubsub|numsub", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(counts(txn, Space::Channel, args))
}
