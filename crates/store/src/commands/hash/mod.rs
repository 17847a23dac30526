//! TBD hash.

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[];
