//! `SETRANGE key offset value` (<https://redis.io/docs/latest/commands/setrange/>).

use super::shared::{STRING_BYTES_MAX, edit_bytes};
use crate::commands::args::{int, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;

/// Overwrites a part of a string, padded with zero bytes as far as needed; the length it has then.
pub const COMMAND: Command = Command::write("setrange", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, patch) = (&args[0], &args[2]);
    let offset = usize::try_from(int(&args[1])?).map_err(|_| errors::custom("offset is out of range"))?;
    let len = txn.read::<Text>(key)?.map_or(0, |text| text.len());
    if patch.is_empty() {
        return Ok(size(len));
    }
    let end = offset.checked_add(patch.len()).filter(|&end| end <= STRING_BYTES_MAX).ok_or(errors::STRING_TOO_LONG)?;
    edit_bytes(txn, key, |bytes| {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(patch);
    })
}
