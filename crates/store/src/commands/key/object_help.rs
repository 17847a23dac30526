//! `OBJECT HELP` (<https://redis.io/docs/latest/commands/object-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `OBJECT` can do.
pub const COMMAND: Command = Command::read("object|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("object"))
}
