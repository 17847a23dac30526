//! Keys of any type (<https://redis.io/docs/latest/commands/?group=generic>).

mod del;
mod exists;
mod persist;
mod r#type;
mod unlink;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] =
    &[&del::COMMAND, &exists::COMMAND, &persist::COMMAND, &r#type::COMMAND, &unlink::COMMAND];
