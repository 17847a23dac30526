//! `CLIENT GETREDIR` (<https://redis.io/docs/latest/commands/client-getredir/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Who is told of keys in place of this connection: -1 if it does not track, 0 if nobody.
pub const COMMAND: Command = Command::client("client|getredir", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let redirect = match &txn.client(id).tracking {
        None => -1,
        Some(tracked) => tracked.redirect.map_or(0, |to| to.0 as i64),
    };
    Ok(Some(Reply::Int(redirect)))
}
