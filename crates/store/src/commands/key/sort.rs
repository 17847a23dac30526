//! `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]`
//! (<https://redis.io/docs/latest/commands/sort/>).

use super::shared::sort::{Sorting, store};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Sorts the elements of a list, set or sorted set, by themselves or by what other keys hold.
pub const COMMAND: Command = Command::write("sort", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let sorting = Sorting::parse(&args[1..], true)?;
    let found = sorting.run(txn, &args[0])?;
    Ok(match sorting.destination() {
        Some(destination) => store(txn, destination, found),
        None => Reply::Array(found),
    })
}
