//! `TOUCH key [key …]` (<https://redis.io/docs/latest/commands/touch/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Uses keys, so that they are not evicted soon; how many exist.
pub const COMMAND: Command = Command::read("touch", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(args.iter().filter(|key| txn.value(key).is_some()).count()))
}
