//! `HKEYS key` (<https://redis.io/docs/latest/commands/hkeys/>).

use crate::commands::args::strings;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Shape;

/// The names of all fields.
pub const COMMAND: Command = Command::read("hkeys", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pairs = txn.read::<Hash>(&args[0])?.into_iter().flat_map(Hash::iter);
    strings(txn.room(), Shape::Array, pairs.map(|(field, _)| field))
}
