//! TBD list.

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[];
