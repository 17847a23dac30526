//! `LINDEX key index` (<https://redis.io/docs/latest/commands/lindex/>).

use crate::commands::args::{bulk_or_null, index, int};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::List;
use bytes::Bytes;
use model::Reply;

/// The element at an index, negative ones counted from the tail.
pub const COMMAND: Command = Command::read("lindex", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let Some(list) = txn.read::<List>(&args[0])? else { return Ok(Reply::Null) };
    let position = index(int(&args[1])?, list.len());
    Ok(bulk_or_null(position.and_then(|position| list.get(position))))
}
