//! `OBJECT REFCOUNT key` (<https://redis.io/docs/latest/commands/object-refcount/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// How many keys share the value: always 1 here.
pub const COMMAND: Command = Command::read("object|refcount", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(if txn.exists(&args[0]) { Reply::Int(1) } else { Reply::Null })
}
