//! `CONFIG RESETSTAT` (<https://redis.io/docs/latest/commands/config-resetstat/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Begins to count anew.
pub const COMMAND: Command = Command::write("config|resetstat", run);

fn run(txn: &mut Txn<'_>, _: &[Bytes]) -> Outcome {
    txn.state.statistics.reset();
    Ok(Reply::OK)
}
