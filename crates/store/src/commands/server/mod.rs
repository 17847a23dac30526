//! The server as a whole (<https://redis.io/docs/latest/commands/?group=server>).

mod command_count;
mod dbsize;
mod flushall;
mod flushdb;
mod info;
mod shared;
mod swapdb;
mod time;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &command_count::COMMAND,
    &dbsize::COMMAND,
    &flushall::COMMAND,
    &flushdb::COMMAND,
    &info::COMMAND,
    &swapdb::COMMAND,
    &time::COMMAND,
];

/// The version of Redis that the store says it is compatible with: clients look at it to know what they may send.
pub(crate) const REDIS_VERSION: &str = "7.4.0";
