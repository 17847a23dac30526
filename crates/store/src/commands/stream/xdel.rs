//! `XDEL key id [id …]` (<https://redis.io/docs/latest/commands/xdel/>).

use super::shared::id;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Stream;
use bytes::Bytes;
use model::Error;

/// Deletes entries; how many of them there were.
pub const COMMAND: Command = Command::write("xdel", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let deleted = txn.try_update(&args[0], |stream: &mut Stream| {
        let ids = args[1..].iter().map(|arg| id(arg, 0)).collect::<Result<Vec<_>, Error>>()?;
        let deleted = ids.into_iter().filter(|&id| stream.remove(id)).count();
        Ok(Edit::when(deleted > 0, deleted))
    })?;
    Ok(size(deleted.unwrap_or(0)))
}
