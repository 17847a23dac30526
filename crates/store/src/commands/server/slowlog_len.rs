//! `SLOWLOG LEN` (<https://redis.io/docs/latest/commands/slowlog-len/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many commands that took long are remembered.
pub const COMMAND: Command = Command::read("slowlog|len", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(size(txn.state.slowlog.newest().count()))
}
