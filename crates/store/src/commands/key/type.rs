//! `TYPE key` (<https://redis.io/docs/latest/commands/type/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The type of a key's value, `none` if it does not exist.
pub const COMMAND: Command = Command::read("type", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let name = txn.entry(&args[0]).map_or("none", |entry| entry.value.type_name());
    Ok(Reply::Simple(Bytes::from_static(name.as_bytes())))
}
