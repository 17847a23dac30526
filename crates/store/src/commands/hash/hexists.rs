//! `HEXISTS key field` (<https://redis.io/docs/latest/commands/hexists/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;

/// Whether a hash has a field.
pub const COMMAND: Command = Command::read("hexists", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(flag(txn.read::<Hash>(&args[0])?.is_some_and(|hash| hash.contains(&args[1]))))
}
