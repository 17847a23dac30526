//! TBD connection.

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[];
