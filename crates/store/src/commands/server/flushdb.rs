//! `FLUSHDB [ASYNC | SYNC]` (<https://redis.io/docs/latest/commands/flushdb/>).

use super::shared::flush_option;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Deletes all keys of the database.
pub const COMMAND: Command = Command::write("flushdb", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    flush_option(args)?;
    txn.clear(txn.database());
    txn.state.flushed();
    Ok(Reply::OK)
}
