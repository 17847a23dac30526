//! `DECRBY key decrement` (<https://redis.io/docs/latest/commands/decrby/>).

use super::shared::increment;
use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// Subtracts an integer; the difference.
pub const COMMAND: Command = Command::write("decrby", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    // The least integer has no positive counterpart.
    let by = int(&args[1])?.checked_neg().ok_or_else(|| errors::custom("decrement would overflow"))?;
    increment(txn, &args[0], by)
}
