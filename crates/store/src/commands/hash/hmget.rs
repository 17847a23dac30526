//! `HMGET key field [field …]` (<https://redis.io/docs/latest/commands/hmget/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// The values of several fields; null for those that are missing.
pub const COMMAND: Command = Command::read("hmget", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let hash = txn.read::<Hash>(&args[0])?;
    let value = |field: &Bytes| hash.and_then(|hash| hash.value(field)).map_or(Reply::Null, Reply::Bulk);
    Ok(Reply::Array(txn.room().gather(args[1..].iter().map(value))?))
}
