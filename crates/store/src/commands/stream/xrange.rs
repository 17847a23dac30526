//! `XRANGE key start end [COUNT count]` (<https://redis.io/docs/latest/commands/xrange/>).

use super::shared::{range, range_end, range_start};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Entries between two ids.
pub const COMMAND: Command = Command::read("xrange", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    range(txn, args, (range_start(&args[1])?, range_end(&args[2])?), false)
}
