//! `ZPOPMIN key [count]` (<https://redis.io/docs/latest/commands/zpopmin/>).

use super::shared::{End, pop_one_or_more};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Takes the members with the least scores.
pub const COMMAND: Command = Command::write("zpopmin", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    pop_one_or_more(txn, args, End::Min)
}
