//! `DEL key [key …]` (<https://redis.io/docs/latest/commands/del/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Deletes keys; how many existed.
pub const COMMAND: Command = Command::write("del", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(args.iter().filter(|key| txn.delete(key)).count()))
}
