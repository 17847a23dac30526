//! `HSETNX key field value` (<https://redis.io/docs/latest/commands/hsetnx/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Hash;
use bytes::Bytes;

/// Sets a field if it does not exist; whether it did.
pub const COMMAND: Command = Command::write("hsetnx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let seed = txn.seed();
    let set = txn.write(&args[0], |hash: &mut Hash| {
        let free = !hash.contains(&args[1]);
        if free {
            hash.insert(&args[1], &args[2], seed);
        }
        Edit::when(free, free)
    })?;
    Ok(flag(set))
}
