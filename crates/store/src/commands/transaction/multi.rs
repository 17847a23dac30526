//! `MULTI` (<https://redis.io/docs/latest/commands/multi/>).

use crate::client::ClientId;
use crate::client::transaction::Transaction;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// From now on commands are queued, until `EXEC` or `DISCARD`.
pub const COMMAND: Command = Command::client("multi", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let client = txn.client_mut(id);
    if client.transaction.is_some() {
        return Err(errors::custom("MULTI calls can not be nested"));
    }
    client.transaction = Some(Transaction::default());
    Ok(Some(Reply::OK))
}
