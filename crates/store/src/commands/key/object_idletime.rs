//! `OBJECT IDLETIME key` (<https://redis.io/docs/latest/commands/object-idletime/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Seconds since a key was used; asking is no use.
pub const COMMAND: Command = Command::read("object|idletime", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let idle = txn.entry(&args[0]).map(|entry| entry.idle_ms(txn.now_ms()) / 1000);
    Ok(idle.map_or(Reply::Null, |seconds| Reply::Int(seconds as i64)))
}
