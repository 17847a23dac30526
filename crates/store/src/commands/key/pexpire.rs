//! `PEXPIRE key milliseconds [NX | XX | GT | LT]` (<https://redis.io/docs/latest/commands/pexpire/>).

use super::shared::expire;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Gives a key a deadline, in milliseconds from now; whether it did.
pub const COMMAND: Command = Command::write("pexpire", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    expire(txn, args, Unit::MILLISECONDS, "pexpire")
}
