//! `CLIENT INFO` (<https://redis.io/docs/latest/commands/client-info/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Facts about this connection.
pub const COMMAND: Command = Command::client("client|info", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let text = txn.state.describe_client(txn.client(id), txn.now_ms()) + "\n";
    Ok(Some(Reply::Verbatim { format: *b"txt", text: text.into() }))
}
