//! `ACL DELUSER username [username …]` (<https://redis.io/docs/latest/commands/acl-deluser/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Deletes users, and closes their connections; how many there were.
pub const COMMAND: Command = Command::write("acl|deluser", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let mut deleted = 0;
    for name in args {
        deleted += i64::from(txn.state.delete_user(name)?);
    }
    Ok(Reply::Int(deleted))
}
