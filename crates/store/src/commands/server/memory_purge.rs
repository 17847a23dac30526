//! `MEMORY PURGE` (<https://redis.io/docs/latest/commands/memory-purge/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Would ask the allocator to give memory back; it does so by itself.
pub const COMMAND: Command = Command::read("memory|purge", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::OK)
}
