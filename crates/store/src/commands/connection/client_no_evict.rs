//! `CLIENT NO-EVICT ON | OFF` (<https://redis.io/docs/latest/commands/client-no-evict/>).

use super::shared::switch;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Whether the connection is spared when connections have to make room.
pub const COMMAND: Command = Command::client("client|no-evict", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    txn.client_mut(id).no_evict = switch(&args[0], "ON", "OFF")?;
    Ok(Some(Reply::OK))
}
