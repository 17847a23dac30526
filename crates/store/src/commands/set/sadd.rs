//! `SADD key member [member …]` (<https://redis.io/docs/latest/commands/sadd/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Set;
use bytes::Bytes;

/// Adds members; how many are new.
pub const COMMAND: Command = Command::write("sadd", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let seed = txn.seed();
    let added = txn.write(&args[0], |set: &mut Set| {
        let added = args[1..].iter().filter(|member| set.insert(member, seed)).count();
        Edit::when(added > 0, added)
    })?;
    Ok(size(added))
}
