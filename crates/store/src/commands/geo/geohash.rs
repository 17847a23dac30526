//! `GEOHASH key [member …]` (<https://redis.io/docs/latest/commands/geohash/>).

use super::shared::place;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// The geohashes of members; null for those that are missing.
pub const COMMAND: Command = Command::read("geohash", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let zset = txn.read::<Zset>(&args[0])?;
    let hash = |member: &Bytes| zset.and_then(|zset| place(zset, member)).map(|place| Reply::bulk(place.geohash()));
    let hashes = args[1..].iter().map(|member| hash(member).unwrap_or(Reply::Null));
    Ok(Reply::Array(txn.room().gather(hashes)?))
}
