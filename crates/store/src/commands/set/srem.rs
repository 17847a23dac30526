//! `SREM key member [member …]` (<https://redis.io/docs/latest/commands/srem/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Set;
use bytes::Bytes;

/// Removes members; how many there were. A set without members is no key.
pub const COMMAND: Command = Command::write("srem", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let removed = txn.update(&args[0], |set: &mut Set| {
        let removed = args[1..].iter().filter(|member| set.remove(member)).count();
        Edit::when(removed > 0, removed)
    })?;
    Ok(size(removed.unwrap_or(0)))
}
