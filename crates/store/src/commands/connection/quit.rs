//! `QUIT` (<https://redis.io/docs/latest/commands/quit/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Closes the connection.
pub const COMMAND: Command = Command::client("quit", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    txn.client_mut(id).closing = true;
    Ok(Some(Reply::OK))
}
