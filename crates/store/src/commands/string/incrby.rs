//! `INCRBY key increment` (<https://redis.io/docs/latest/commands/incrby/>).

use super::shared::increment;
use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Adds an integer; the sum.
pub const COMMAND: Command = Command::write("incrby", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    increment(txn, &args[0], int(&args[1])?)
}
