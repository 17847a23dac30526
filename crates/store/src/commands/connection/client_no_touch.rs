//! `CLIENT NO-TOUCH ON | OFF` (<https://redis.io/docs/latest/commands/client-no-touch/>).

use super::shared::switch;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Whether what the connection reads counts as used.
pub const COMMAND: Command = Command::client("client|no-touch", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    txn.client_mut(id).no_touch = switch(&args[0], "ON", "OFF")?;
    Ok(Some(Reply::OK))
}
