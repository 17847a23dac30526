//! `PUBSUB CHANNELS [pattern]` (<https://redis.io/docs/latest/commands/pubsub-channels/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::{Reply, glob};

/// The channels that somebody is subscribed to, patterns not counted.
pub const COMMAND: Command = Command::read("pubsub|channels", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if args.len() > 1 {
        let message = "unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.";
        return Err(errors::custom(message));
    }
    let shown = |channel: &&Bytes| args.iter().all(|pattern| glob::matches(pattern, channel));
    let channels = txn.state.pubsub.channels().filter(shown);
    Ok(Reply::Array(channels.map(|channel| Reply::Bulk(channel.clone())).collect()))
}
