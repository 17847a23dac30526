//! `ZREM key member [member …]` (<https://redis.io/docs/latest/commands/zrem/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Zset;
use bytes::Bytes;

/// Removes members; how many of them there were.
pub const COMMAND: Command = Command::write("zrem", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let removed = txn.update(&args[0], |zset: &mut Zset| {
        let removed = args[1..].iter().filter(|member| zset.remove(member).is_some()).count();
        Edit::when(removed > 0, removed)
    })?;
    Ok(size(removed.unwrap_or(0)))
}
