//! `CLIENT ID` (<https://redis.io/docs/latest/commands/client-id/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The number of this connection.
pub const COMMAND: Command = Command::client("client|id", run);

fn run(_: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    Ok(Some(Reply::Int(id.0 as i64)))
}
