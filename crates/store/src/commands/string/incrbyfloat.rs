//! `INCRBYFLOAT key increment` (<https://redis.io/docs/latest/commands/incrbyfloat/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use crate::number::{SumError, add_decimals};
use crate::types::{Text, Value};
use bytes::Bytes;
use model::Reply;

/// Adds a decimal number; the sum as text.
pub const COMMAND: Command = Command::write("incrbyfloat", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let old = txn.read::<Text>(&args[0])?.map_or(&b"0"[..], |text| text);
    let sum = add_decimals(old, &args[1]).map_err(|error| match error {
        SumError::NotANumber => errors::NOT_A_FLOAT,
        SumError::NotFinite => errors::NOT_FINITE,
    })?;
    txn.set(&args[0], Value::Str(Text::not_int(sum.as_bytes())), Deadline::Keep);
    Ok(Reply::bulk(sum))
}
