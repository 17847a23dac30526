//! `INCR key` (<https://redis.io/docs/latest/commands/incr/>).

use super::shared::increment;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Adds one, of a missing key from zero; the sum.
pub const COMMAND: Command = Command::write("incr", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    increment(txn, &args[0], 1)
}
