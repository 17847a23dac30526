//! `HGET key field` (<https://redis.io/docs/latest/commands/hget/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// The value of a field.
pub const COMMAND: Command = Command::read("hget", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let value = txn.read::<Hash>(&args[0])?.and_then(|hash| hash.value(&args[1]));
    Ok(value.map_or(Reply::Null, Reply::Bulk))
}
