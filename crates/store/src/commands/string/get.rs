//! `GET key` (<https://redis.io/docs/latest/commands/get/>).

use crate::commands::args::text_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;

/// The string that a key holds.
pub const COMMAND: Command = Command::read("get", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(text_or_null(txn.read::<Text>(&args[0])?))
}
