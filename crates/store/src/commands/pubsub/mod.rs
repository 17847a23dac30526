//! Channels and messages (<https://redis.io/docs/latest/commands/?group=pubsub>).

mod psubscribe;
mod publish;
mod pubsub_channels;
mod pubsub_help;
mod pubsub_numpat;
mod pubsub_numsub;
mod pubsub_shardchannels;
mod pubsub_shardnumsub;
mod punsubscribe;
mod shared;
mod spublish;
mod ssubscribe;
mod subscribe;
mod sunsubscribe;
mod unsubscribe;

use super::Command;
pub(crate) use shared::leave_all;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &psubscribe::COMMAND,
    &publish::COMMAND,
    &pubsub_channels::COMMAND,
    &pubsub_help::COMMAND,
    &pubsub_numpat::COMMAND,
    &pubsub_numsub::COMMAND,
    &pubsub_shardchannels::COMMAND,
    &pubsub_shardnumsub::COMMAND,
    &punsubscribe::COMMAND,
    &spublish::COMMAND,
    &ssubscribe::COMMAND,
    &subscribe::COMMAND,
    &sunsubscribe::COMMAND,
    &unsubscribe::COMMAND,
];
