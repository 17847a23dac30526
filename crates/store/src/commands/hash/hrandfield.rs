//! `HRANDFIELD key [count [WITHVALUES]]` (<https://redis.io/docs/latest/commands/hrandfield/>).

use crate::commands::args::{is, strings};
use crate::commands::choose::Count;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Hash;
use bytes::Bytes;
use model::{Reply, Shape};

/// Random fields: one, several different ones, or (a negative count) so many that may repeat.
pub const COMMAND: Command = Command::read("hrandfield", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let count = args.get(1).map(|arg| Count::parse(arg)).transpose()?;
    let with_values = match args.get(2..).unwrap_or(&[]) {
        [] => false,
        [option] if is(option, "WITHVALUES") => true,
        _ => return Err(errors::SYNTAX),
    };
    if let Some(count) = count.filter(|_| with_values) {
        count.doubled()?;
    }
    let hash = txn.read::<Hash>(&args[0])?;
    let Some(count) = count else {
        let one = hash.and_then(|hash| hash.random(txn.random()));
        return Ok(one.map_or(Reply::Null, |(field, _)| Reply::bulk(field)));
    };
    let Some(hash) = hash else { return Ok(Reply::Array(Vec::new())) };
    count.bounded()?;
    let chosen = match count {
        Count::Different(count) => hash.different(txn.random(), count),
        Count::Repeated(count) => (0..count).filter_map(|_| hash.random(txn.random())).collect(),
    };
    match with_values {
        true => Ok(Reply::Array(txn.room().gather(chosen.into_iter().map(|(field, value)| pair(field, value)))?)),
        false => strings(txn.room(), Shape::Array, chosen.into_iter().map(|(field, _)| field)),
    }
}

fn pair(field: &[u8], value: &[u8]) -> Reply {
    Reply::Array(vec![Reply::bulk(field), Reply::bulk(value)])
}
