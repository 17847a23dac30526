//! `LRANGE key start stop` (<https://redis.io/docs/latest/commands/lrange/>).

use crate::commands::args::{int, range, strings};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::List;
use bytes::Bytes;
use model::{Reply, Shape};

/// The elements from start to stop, both inclusive, negative ones counted from the tail.
pub const COMMAND: Command = Command::read("lrange", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let (start, stop) = (int(&args[1])?, int(&args[2])?);
    let Some(list) = txn.read::<List>(&args[0])? else { return Ok(Reply::Array(Vec::new())) };
    let elements = list.range(range(start, stop, list.len()));
    strings(txn.room(), Shape::Array, elements)
}
