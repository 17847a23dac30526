//! `WATCH key [key …]` (<https://redis.io/docs/latest/commands/watch/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// The next `EXEC` carries out nothing if one of these keys changes before it.
pub const COMMAND: Command = Command::client("watch", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    if txn.client(id).transaction.is_some() {
        return Err(errors::custom("WATCH inside MULTI is not allowed"));
    }
    for key in args {
        txn.state.watch(id, txn.database(), key, txn.now_ms());
    }
    Ok(Some(Reply::OK))
}
