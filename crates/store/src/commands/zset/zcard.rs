//! `ZCARD key` (<https://redis.io/docs/latest/commands/zcard/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;

/// How many members there are.
pub const COMMAND: Command = Command::read("zcard", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<Zset>(&args[0])?.map_or(0, Zset::len)))
}
