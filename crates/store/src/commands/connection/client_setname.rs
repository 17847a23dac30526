//! `CLIENT SETNAME connection-name` (<https://redis.io/docs/latest/commands/client-setname/>).

use super::shared::checked_name;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Names this connection; an empty name takes it away.
pub const COMMAND: Command = Command::client("client|setname", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    txn.client_mut(id).name = checked_name(&args[0])?;
    Ok(Some(Reply::OK))
}
