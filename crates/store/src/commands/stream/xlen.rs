//! `XLEN key` (<https://redis.io/docs/latest/commands/xlen/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Stream;
use bytes::Bytes;

/// How many entries there are.
pub const COMMAND: Command = Command::read("xlen", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<Stream>(&args[0])?.map_or(0, Stream::len)))
}
