//! `TTL key` (<https://redis.io/docs/latest/commands/ttl/>).

use super::shared::time_to_live;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Seconds until a key ends; -1 if it has no deadline, -2 if it does not exist.
pub const COMMAND: Command = Command::read("ttl", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    time_to_live(txn, &args[0], Unit::SECONDS)
}
