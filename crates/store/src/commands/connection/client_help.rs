//! `CLIENT HELP` (<https://redis.io/docs/latest/commands/client-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `CLIENT` can do.
pub const COMMAND: Command = Command::read("client|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("client"))
}
