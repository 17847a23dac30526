//! `MEMORY MALLOC-STATS` (<https://redis.io/docs/latest/commands/memory-malloc-stats/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// What the allocator tells: here nothing.
pub const COMMAND: Command = Command::read("memory|malloc-stats", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::bulk("Stats not supported for the current allocator"))
}
