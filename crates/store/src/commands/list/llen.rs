//! `LLEN key` (<https://redis.io/docs/latest/commands/llen/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::List;
use bytes::Bytes;

/// How many elements a list has.
pub const COMMAND: Command = Command::read("llen", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<List>(&args[0])?.map_or(0, List::len)))
}
