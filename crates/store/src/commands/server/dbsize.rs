//! `DBSIZE` (<https://redis.io/docs/latest/commands/dbsize/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many keys the database has.
pub const COMMAND: Command = Command::read("dbsize", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(size(txn.db().len()))
}
