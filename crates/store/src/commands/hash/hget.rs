//! `HGET key field` (<https://redis.io/docs/latest/commands/hget/>).

use crate::commands::args::bulk_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;

/// The value of a field.
pub const COMMAND: Command = Command::read("hget", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(bulk_or_null(txn.read::<Hash>(&args[0])?.and_then(|hash| hash.get(&args[1]))))
}
