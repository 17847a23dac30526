//! `DISCARD` (<https://redis.io/docs/latest/commands/discard/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Forgets what was queued, and the watched keys.
pub const COMMAND: Command = Command::client("discard", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    if txn.state.clients.end_transaction(id).is_none() {
        return Err(errors::custom("DISCARD without MULTI"));
    }
    txn.state.unwatch(id);
    Ok(Some(Reply::OK))
}
