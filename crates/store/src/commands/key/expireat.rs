//! `EXPIREAT key unix-time-seconds [NX | XX | GT | LT]` (<https://redis.io/docs/latest/commands/expireat/>).

use super::shared::expire;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Gives a key a deadline, in seconds since 1970; whether it did.
pub const COMMAND: Command = Command::write("expireat", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    expire(txn, args, Unit::AT_SECONDS, "expireat")
}
