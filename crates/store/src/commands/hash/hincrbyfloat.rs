//! `HINCRBYFLOAT key field increment` (<https://redis.io/docs/latest/commands/hincrbyfloat/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::number::{Extended, SumError, add_decimals};
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// Adds a decimal number to a field, a missing one counting as zero; the sum as text.
pub const COMMAND: Command = Command::write("hincrbyfloat", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, field, by) = (&args[0], &args[1], &args[2]);
    if Extended::parse(by).ok_or(errors::NOT_A_FLOAT)?.is_infinite() {
        return Err(errors::custom("value is NaN or Infinity"));
    }
    let seed = txn.seed();
    txn.try_write(key, |hash: &mut Hash| {
        let old = hash.get(field).map_or(&b"0"[..], |text| text);
        let sum = add_decimals(old, by).map_err(|error| match error {
            SumError::NotANumber => errors::custom("hash value is not a float"),
            SumError::NotFinite => errors::NOT_FINITE,
        })?;
        hash.insert(field, sum.as_bytes(), seed);
        Ok(Edit::changed(Reply::bulk(sum)))
    })
}
