//! `SUNION key [key …]` (<https://redis.io/docs/latest/commands/sunion/>).

use super::shared;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The members that any of the sets has.
pub const COMMAND: Command = Command::read("sunion", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    shared::reply(txn, &shared::union(txn, args)?)
}
