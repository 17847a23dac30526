//! `RENAMENX key newkey` (<https://redis.io/docs/latest/commands/renamenx/>).

use super::shared::rename;
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Gives a key another name if no key has it; whether it did.
pub const COMMAND: Command = Command::write("renamenx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(flag(rename(txn, &args[0], &args[1], true)?))
}
