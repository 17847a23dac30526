//! `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA]`
//! (<https://redis.io/docs/latest/commands/sort_ro/>).

use super::shared::sort::Sorting;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Sorts as `SORT` does, and stores nothing.
pub const COMMAND: Command = Command::read("sort_ro", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(Reply::Array(Sorting::parse(&args[1..], false)?.run(txn, &args[0])?))
}
