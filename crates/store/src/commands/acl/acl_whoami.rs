//! `ACL WHOAMI` (<https://redis.io/docs/latest/commands/acl-whoami/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The name of the user that this connection is.
pub const COMMAND: Command = Command::client("acl|whoami", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let user = txn.client(id).user;
    Ok(Some(Reply::Bulk(txn.state.users.get(user).name.clone())))
}
