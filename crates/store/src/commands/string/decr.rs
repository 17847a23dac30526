//! `DECR key` (<https://redis.io/docs/latest/commands/decr/>).

use super::shared::increment;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Subtracts one, of a missing key from zero; the sum.
pub const COMMAND: Command = Command::write("decr", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    increment(txn, &args[0], -1)
}
