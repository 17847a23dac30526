//! Publishing (<https://redis.io/docs/latest/commands/?group=pubsub>). Subscribing is the owner's business: it has the
//! connections; see [`Store::subscribe`](crate::Store::subscribe).

mod publish;
mod pubsub_channels;
mod pubsub_numpat;
mod pubsub_numsub;
mod pubsub_shardchannels;
mod pubsub_shardnumsub;
mod spublish;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &publish::COMMAND,
    &pubsub_channels::COMMAND,
    &pubsub_numpat::COMMAND,
    &pubsub_numsub::COMMAND,
    &pubsub_shardchannels::COMMAND,
    &pubsub_shardnumsub::COMMAND,
    &spublish::COMMAND,
];
