//! `EXISTS key [key …]` (<https://redis.io/docs/latest/commands/exists/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// How many of the keys exist; one that is named twice counts twice.
pub const COMMAND: Command = Command::read("exists", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(args.iter().filter(|key| txn.exists(key)).count()))
}
