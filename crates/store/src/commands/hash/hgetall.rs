//! `HGETALL key` (<https://redis.io/docs/latest/commands/hgetall/>).

use crate::commands::args::strings;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Shape;

/// All fields with their values.
pub const COMMAND: Command = Command::read("hgetall", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pairs = txn.read::<Hash>(&args[0])?.into_iter().flat_map(Hash::iter);
    strings(txn.room(), Shape::Map, pairs.flat_map(|(field, value)| [field, value]))
}
