//! `STRLEN key` (<https://redis.io/docs/latest/commands/strlen/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;

/// The length of a string in bytes; 0 if the key is missing.
pub const COMMAND: Command = Command::read("strlen", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(txn.read::<Text>(&args[0])?.map_or(0, |text| text.len())))
}
