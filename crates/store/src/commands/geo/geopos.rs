//! `GEOPOS key [member …]` (<https://redis.io/docs/latest/commands/geopos/>).

use super::shared::{coordinates, place};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// The coordinates of members; null for those that are missing.
pub const COMMAND: Command = Command::read("geopos", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let zset = txn.read::<Zset>(&args[0])?;
    let position = |member: &Bytes| zset.and_then(|zset| place(zset, member)).map(coordinates);
    let positions = args[1..].iter().map(|member| position(member).unwrap_or(Reply::NullArray));
    Ok(Reply::Array(txn.room().gather(positions)?))
}
