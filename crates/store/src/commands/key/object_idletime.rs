//! `OBJECT IDLETIME key` (<https://redis.io/docs/latest/commands/object-idletime/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Seconds since a key was used. The store evicts nothing and does not keep them: 0 for every key.
pub const COMMAND: Command = Command::read("object|idletime", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(if txn.exists(&args[0]) { Reply::Int(0) } else { Reply::Null })
}
