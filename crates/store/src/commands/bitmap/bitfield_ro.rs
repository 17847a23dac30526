//! `BITFIELD_RO key [GET type offset …]` (<https://redis.io/docs/latest/commands/bitfield_ro/>).

use super::bitfield::{Operation, get, parse};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;

/// Integers of any width that lie in a string.
pub const COMMAND: Command = Command::read("bitfield_ro", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let operations = parse(&args[1..])?;
    if !operations.iter().all(Operation::is_read) {
        return Err(errors::custom("BITFIELD_RO only supports the GET subcommand"));
    }
    let text = txn.read::<Text>(&args[0])?.map_or(&b""[..], |text| text);
    Ok(Reply::Array(operations.iter().map(|operation| get(text, operation.field)).collect()))
}
