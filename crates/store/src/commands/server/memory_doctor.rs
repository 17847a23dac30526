//! `MEMORY DOCTOR` (<https://redis.io/docs/latest/commands/memory-doctor/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Advice about memory.
pub const COMMAND: Command = Command::read("memory|doctor", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let text = "Hi, keywire's store counts the bytes of keys and values and finds nothing wrong with them.\n";
    Ok(Reply::Verbatim { format: *b"txt", text: Bytes::from_static(text.as_bytes()) })
}
