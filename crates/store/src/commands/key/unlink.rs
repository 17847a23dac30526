//! `UNLINK key [key …]` (<https://redis.io/docs/latest/commands/unlink/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Deletes keys; how many existed. The same as `DEL` here.
pub const COMMAND: Command = Command::write("unlink", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(args.iter().filter(|key| txn.delete(key)).count()))
}
