//! `SETEX key seconds value` (<https://redis.io/docs/latest/commands/setex/>).

use super::shared::set_with_deadline;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Sets a string that ends after so many seconds.
pub const COMMAND: Command = Command::write("setex", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    set_with_deadline(txn, args, Unit::SECONDS, "setex")
}
