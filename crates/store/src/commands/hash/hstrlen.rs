//! `HSTRLEN key field` (<https://redis.io/docs/latest/commands/hstrlen/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;

/// The length of a field's value in bytes; 0 if it is missing.
pub const COMMAND: Command = Command::read("hstrlen", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let value = txn.read::<Hash>(&args[0])?.and_then(|hash| hash.get(&args[1]));
    Ok(size(value.map_or(0, <[u8]>::len)))
}
