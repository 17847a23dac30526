//! `CONFIG REWRITE` (<https://redis.io/docs/latest/commands/config-rewrite/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// Would write the configuration file, which the store has none of.
pub const COMMAND: Command = Command::read("config|rewrite", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Err(errors::custom("The server is running without a config file"))
}
