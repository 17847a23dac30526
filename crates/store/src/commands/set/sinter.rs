//! `SINTER key [key …]` (<https://redis.io/docs/latest/commands/sinter/>).

use super::shared;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The members that all sets have.
pub const COMMAND: Command = Command::read("sinter", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    shared::reply(txn, &shared::intersection(txn, args)?)
}
