//! `HINCRBY key field increment` (<https://redis.io/docs/latest/commands/hincrby/>).

use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::number::parse_int;
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// Adds an integer to a field, a missing one counting as zero; the sum.
pub const COMMAND: Command = Command::write("hincrby", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, field, by) = (&args[0], &args[1], int(&args[2])?);
    let seed = txn.seed();
    txn.try_write(key, |hash: &mut Hash| {
        let old = hash.get(field).map_or(Some(0), parse_int);
        let old = old.ok_or_else(|| errors::custom("hash value is not an integer"))?;
        let sum = old.checked_add(by).ok_or(errors::OVERFLOW)?;
        hash.insert(field, itoa::Buffer::new().format(sum).as_bytes(), seed);
        Ok(Edit::changed(Reply::Int(sum)))
    })
}
