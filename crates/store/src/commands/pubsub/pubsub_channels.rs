//! `PUBSUB CHANNELS [pattern]` (<https://redis.io/docs/latest/commands/pubsub-channels/>).

use super::shared::names;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::pubsub::Space;
use bytes::Bytes;

/// The channels that somebody is subscribed to, patterns not counted.
pub const COMMAND: Command = Command::read("pubsub|channels", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if args.len() > 1 {
        let message = "unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.";
        return Err(errors::custom(message));
    }
    Ok(names(txn, Space::Channel, args.first()))
}
