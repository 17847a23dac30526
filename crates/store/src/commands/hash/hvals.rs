//! `HVALS key` (<https://redis.io/docs/latest/commands/hvals/>).

use crate::commands::args::strings;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Shape;

/// The values of all fields.
pub const COMMAND: Command = Command::read("hvals", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pairs = txn.read::<Hash>(&args[0])?.into_iter().flat_map(Hash::iter);
    strings(txn.room(), Shape::Array, pairs.map(|(_, value)| value))
}
