//! `SMEMBERS key` (<https://redis.io/docs/latest/commands/smembers/>).

use crate::commands::args::strings;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Set;
use bytes::Bytes;
use model::Shape;

/// All members.
pub const COMMAND: Command = Command::read("smembers", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let set = txn.read::<Set>(&args[0])?;
    strings(txn.room(), Shape::Set, set.into_iter().flat_map(Set::iter))
}
