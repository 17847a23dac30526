//! `EXPIRE key seconds [NX | XX | GT | LT]` (<https://redis.io/docs/latest/commands/expire/>).

use super::shared::expire;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Gives a key a deadline, in seconds from now; whether it did.
pub const COMMAND: Command = Command::write("expire", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    expire(txn, args, Unit::SECONDS, "expire")
}
