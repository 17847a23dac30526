//! `GET key` (<https://redis.io/docs/latest/commands/get/>).

use crate::commands::args::bulk_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The string that a key holds.
pub const COMMAND: Command = Command::read("get", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(bulk_or_null(txn.read::<Bytes>(&args[0])?))
}
