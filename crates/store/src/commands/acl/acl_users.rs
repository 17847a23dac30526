//! `ACL USERS` (<https://redis.io/docs/latest/commands/acl-users/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The users' names.
pub const COMMAND: Command = Command::read("acl|users", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Array(txn.state.users.iter().map(|user| Reply::Bulk(user.name.clone())).collect()))
}
