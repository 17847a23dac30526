//! `GEODIST key member1 member2 [M | KM | FT | MI]` (<https://redis.io/docs/latest/commands/geodist/>).

use super::shared::{distance_text, place, unit};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// How far two members are from each other.
pub const COMMAND: Command = Command::read("geodist", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let metres = match &args[3..] {
        [] => 1.0,
        [name] => unit(name)?,
        _ => return Err(errors::SYNTAX),
    };
    let Some(zset) = txn.read::<Zset>(&args[0])? else { return Ok(Reply::Null) };
    Ok(match (place(zset, &args[1]), place(zset, &args[2])) {
        (Some(a), Some(b)) => distance_text(a.distance(b) / metres),
        _ => Reply::Null,
    })
}
