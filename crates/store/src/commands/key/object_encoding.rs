//! `OBJECT ENCODING key` (<https://redis.io/docs/latest/commands/object-encoding/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The name of the form that Redis 7 would hold the value in.
pub const COMMAND: Command = Command::read("object|encoding", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(txn.entry(&args[0]).map_or(Reply::Null, |entry| Reply::bulk(entry.value.encoding())))
}
