//! Connections (<https://redis.io/docs/latest/commands/?group=connection>).

mod auth;
mod echo;
mod hello;
mod ping;
mod quit;
mod reset;
mod select;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &auth::COMMAND,
    &echo::COMMAND,
    &hello::COMMAND,
    &ping::COMMAND,
    &quit::COMMAND,
    &reset::COMMAND,
    &select::COMMAND,
];
