//! `PUBLISH channel message` (<https://redis.io/docs/latest/commands/publish/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Sends a message to a channel; how many subscriptions receive it.
pub const COMMAND: Command = Command::write("publish", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.state.publish(&args[0], &args[1])))
}
