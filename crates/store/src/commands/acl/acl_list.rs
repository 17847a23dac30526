//! `ACL LIST` (<https://redis.io/docs/latest/commands/acl-list/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The users, each in one line.
pub const COMMAND: Command = Command::read("acl|list", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Array(txn.state.users.iter().map(|user| Reply::bulk(user.describe())).collect()))
}
