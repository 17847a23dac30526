//! `FLUSHALL [ASYNC | SYNC]` (<https://redis.io/docs/latest/commands/flushall/>).

use super::shared::flush_option;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Deletes all keys of all databases.
pub const COMMAND: Command = Command::write("flushall", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    flush_option(args)?;
    (0..txn.databases()).for_each(|db| txn.clear(db));
    txn.state.flushed();
    Ok(Reply::OK)
}
