//! `HLEN key` (<https://redis.io/docs/latest/commands/hlen/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;

/// How many fields a hash has.
pub const COMMAND: Command = Command::read("hlen", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<Hash>(&args[0])?.map_or(0, Hash::len)))
}
