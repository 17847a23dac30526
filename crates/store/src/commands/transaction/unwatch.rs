//! `UNWATCH` (<https://redis.io/docs/latest/commands/unwatch/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Forgets the watched keys.
pub const COMMAND: Command = Command::client("unwatch", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    txn.state.unwatch(id);
    Ok(Some(Reply::OK))
}
