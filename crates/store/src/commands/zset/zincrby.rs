//! `ZINCRBY key increment member` (<https://redis.io/docs/latest/commands/zincrby/>).

use super::zadd;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Adds to a member's score (0 if it is not there); the sum.
pub const COMMAND: Command = Command::write("zincrby", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    // As in Redis it is a ZADD, so that an increment which reads like one of its options is a syntax error.
    let line = [args[0].clone(), Bytes::from_static(b"INCR"), args[1].clone(), args[2].clone()];
    zadd::COMMAND.run(txn, &line)
}
