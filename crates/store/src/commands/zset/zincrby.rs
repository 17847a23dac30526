//! `ZINCRBY key increment member` (<https://redis.io/docs/latest/commands/zincrby/>).

use super::shared::incremented;
use crate::commands::args::float;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// Adds to a member's score (0 if it is not there); the sum.
pub const COMMAND: Command = Command::write("zincrby", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, by, member) = (&args[0], float(&args[1])?, &args[2]);
    txn.try_write(key, |zset: &mut Zset| {
        let sum = incremented(zset, member, by)?;
        let changed = zset.insert(member, sum) != Some(sum);
        Ok(Edit::when(changed, Reply::Double(sum)))
    })
}
