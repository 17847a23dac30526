//! `EXEC` (<https://redis.io/docs/latest/commands/exec/>).

use crate::commands::{Command, Run};

/// Carries out what was queued since `MULTI`: an array of the replies, null if a watched key changed, `EXECABORT` if a
/// command could not be queued. The store does it itself, as it runs other commands.
pub const COMMAND: Command = Command { name: "exec", run: Run::Exec };
