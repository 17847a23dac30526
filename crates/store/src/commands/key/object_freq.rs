//! `OBJECT FREQ key` (<https://redis.io/docs/latest/commands/object-freq/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// How often a key is used, which is kept only under an LFU eviction policy, which the store does not have.
pub const COMMAND: Command = Command::read("object|freq", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    if !txn.exists(&args[0]) {
        return Ok(Reply::Null);
    }
    Err(errors::custom(
        "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust.",
    ))
}
