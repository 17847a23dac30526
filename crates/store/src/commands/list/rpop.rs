//! `RPOP key [count]` (<https://redis.io/docs/latest/commands/rpop/>).

use super::shared::{End, pop};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Takes elements from the tail of a list. A list without elements is no key.
pub const COMMAND: Command = Command::write("rpop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    pop(txn, args, End::Right, "rpop")
}
