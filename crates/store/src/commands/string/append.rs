//! `APPEND key value` (<https://redis.io/docs/latest/commands/append/>).

use super::shared::{STRING_BYTES_MAX, edit_bytes};
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use crate::types::{Text, Value};
use bytes::Bytes;

/// Adds bytes to the end of a string; the length it has then.
pub const COMMAND: Command = Command::write("append", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, tail) = (&args[0], &args[1]);
    if txn.read::<Text>(key)?.map_or(0, |text| text.len()) + tail.len() > STRING_BYTES_MAX {
        return Err(errors::STRING_TOO_LONG);
    }
    if !txn.exists(key) {
        txn.set(key, Value::Str(Text::new(tail)), Deadline::Never);
        return Ok(size(tail.len()));
    }
    edit_bytes(txn, key, |bytes| bytes.extend_from_slice(tail))
}
