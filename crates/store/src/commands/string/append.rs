//! `APPEND key value` (<https://redis.io/docs/latest/commands/append/>).

use super::shared::{STRING_BYTES_MAX, edit_bytes};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// Adds bytes to the end of a string; the length it has then.
pub const COMMAND: Command = Command::write("append", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, tail) = (&args[0], &args[1]);
    if txn.read::<Bytes>(key)?.map_or(0, Bytes::len) + tail.len() > STRING_BYTES_MAX {
        return Err(errors::STRING_TOO_LONG);
    }
    edit_bytes(txn, key, |bytes| bytes.extend_from_slice(tail))
}
