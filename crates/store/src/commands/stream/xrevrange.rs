//! `XREVRANGE key end start [COUNT count]` (<https://redis.io/docs/latest/commands/xrevrange/>).

use super::shared::{range, range_end, range_start};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Entries between two ids, the newest first.
pub const COMMAND: Command = Command::read("xrevrange", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    range(txn, args, (range_start(&args[2])?, range_end(&args[1])?), true)
}
