//! `ACL SAVE` (<https://redis.io/docs/latest/commands/acl-save/>).

use super::shared::no_file;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// There is no file of users: refused, as by a Redis without one.
pub const COMMAND: Command = Command::read("acl|save", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Err(no_file())
}
