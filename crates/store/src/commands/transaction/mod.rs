//! Several commands as one (<https://redis.io/docs/latest/commands/?group=transactions>).

mod discard;
mod exec;
mod multi;
mod unwatch;
mod watch;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] =
    &[&discard::COMMAND, &exec::COMMAND, &multi::COMMAND, &unwatch::COMMAND, &watch::COMMAND];
