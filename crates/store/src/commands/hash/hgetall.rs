//! `HGETALL key` (<https://redis.io/docs/latest/commands/hgetall/>).

use crate::commands::args::bulks;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// All fields with their values.
pub const COMMAND: Command = Command::read("hgetall", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pairs = txn.read::<Hash>(&args[0])?.into_iter().flat_map(Hash::iter);
    let mut strings = bulks(pairs.flat_map(|(field, value)| [field, value])).into_iter();
    let pairs = std::iter::from_fn(|| Some((strings.next()?, strings.next()?)));
    Ok(Reply::Map(pairs.collect()))
}
