//! `LPOP key [count]` (<https://redis.io/docs/latest/commands/lpop/>).

use super::shared::{End, pop};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Takes elements from the head of a list. A list without elements is no key.
pub const COMMAND: Command = Command::write("lpop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    pop(txn, args, End::Left, "lpop")
}
