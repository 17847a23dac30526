//! `CLIENT GETNAME` (<https://redis.io/docs/latest/commands/client-getname/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The name of this connection; null without one.
pub const COMMAND: Command = Command::client("client|getname", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let name = &txn.client(id).name;
    Ok(Some(if name.is_empty() { Reply::Null } else { Reply::Bulk(name.clone()) }))
}
