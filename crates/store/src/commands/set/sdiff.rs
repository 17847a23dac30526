//! `SDIFF key [key …]` (<https://redis.io/docs/latest/commands/sdiff/>).

use super::shared;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The members of the first set that no other has.
pub const COMMAND: Command = Command::read("sdiff", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    shared::reply(txn, &shared::difference(txn, args)?)
}
