//! What does not need a connection of the commands about connections
//! (<https://redis.io/docs/latest/commands/?group=connection>). The others belong to whoever has the connection.

mod echo;
mod ping;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[&echo::COMMAND, &ping::COMMAND];
