//! `ACL SETUSER username [rule …]` (<https://redis.io/docs/latest/commands/acl-setuser/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Makes or changes a user, by all of these words or, if one is wrong, by none.
pub const COMMAND: Command = Command::write("acl|setuser", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    txn.state.set_user(&args[0], &args[1..])?;
    Ok(Reply::OK)
}
