//! `SCARD key` (<https://redis.io/docs/latest/commands/scard/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Set;
use bytes::Bytes;

/// How many members a set has.
pub const COMMAND: Command = Command::read("scard", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<Set>(&args[0])?.map_or(0, Set::len)))
}
