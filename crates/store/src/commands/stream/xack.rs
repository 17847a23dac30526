//! `XACK key group id [id …]` (<https://redis.io/docs/latest/commands/xack/>).

use super::shared::groups::with_group_if;
use super::shared::id;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Edit;
use crate::db::txn::Txn;
use crate::types::Stream;
use bytes::Bytes;
use model::Error;
use model::Reply;

/// Entries are done with; how many of them were pending.
pub const COMMAND: Command = Command::write("xack", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let ids = args[2..].iter().map(|arg| id(arg, 0));
    if txn.read::<Stream>(&args[0])?.and_then(|stream| stream.group(&args[1])).is_none() {
        return Ok(Reply::Int(0));
    }
    let ids = ids.collect::<Result<Vec<_>, Error>>()?;
    let done = with_group_if(txn, &args[0], &args[1], |group| {
        let done = ids.into_iter().filter(|&id| group.acknowledge(id)).count();
        Edit::when(done > 0, done)
    })?;
    Ok(size(done))
}
