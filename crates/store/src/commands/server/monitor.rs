//! `MONITOR` (<https://redis.io/docs/latest/commands/monitor/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Shows this connection every command that is carried out.
pub const COMMAND: Command = Command::client("monitor", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    txn.client_mut(id).monitor = true;
    txn.state.clients.monitors.insert(id);
    Ok(Some(Reply::OK))
}
