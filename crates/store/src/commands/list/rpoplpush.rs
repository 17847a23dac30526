//! `RPOPLPUSH source destination` (<https://redis.io/docs/latest/commands/rpoplpush/>).

use super::shared::{End, move_element};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Moves the tail of one list to the head of another; the element.
pub const COMMAND: Command = Command::write("rpoplpush", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    move_element(txn, &args[0], End::Right, &args[1], End::Left)
}
