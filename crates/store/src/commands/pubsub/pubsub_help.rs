//! `PUBSUB HELP` (<https://redis.io/docs/latest/commands/pubsub-help/>).

use crate::commands::help;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// What `PUBSUB` can do.
pub const COMMAND: Command = Command::read("pubsub|help", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(help("pubsub"))
}
