//! `LMOVE source destination LEFT | RIGHT LEFT | RIGHT` (<https://redis.io/docs/latest/commands/lmove/>).

use super::shared::{End, move_element};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Moves an element from an end of one list to an end of another; the element.
pub const COMMAND: Command = Command::write("lmove", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (from, to) = (End::parse(&args[2])?, End::parse(&args[3])?);
    move_element(txn, &args[0], from, &args[1], to)
}
