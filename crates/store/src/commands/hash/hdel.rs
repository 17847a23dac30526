//! `HDEL key field [field …]` (<https://redis.io/docs/latest/commands/hdel/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Hash;
use bytes::Bytes;

/// Removes fields; how many there were. A hash without fields is no key.
pub const COMMAND: Command = Command::write("hdel", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let removed = txn.update(&args[0], |hash: &mut Hash| {
        let removed = args[1..].iter().filter(|field| hash.remove(field)).count();
        Edit::when(removed > 0, removed)
    })?;
    Ok(size(removed.unwrap_or(0)))
}
