//! HyperLogLogs: how many different elements there were, about (<https://redis.io/docs/latest/commands/?group=hyperloglog>).

mod pfadd;
mod pfcount;
mod pfmerge;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[&pfadd::COMMAND, &pfcount::COMMAND, &pfmerge::COMMAND];
