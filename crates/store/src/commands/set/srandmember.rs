//! `SRANDMEMBER key [count]` (<https://redis.io/docs/latest/commands/srandmember/>).

use crate::commands::args::strings;
use crate::commands::choose::Count;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Set;
use bytes::Bytes;
use model::{Reply, Shape};

/// Random members: one, several different ones, or (a negative count) so many that may repeat.
pub const COMMAND: Command = Command::read("srandmember", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let count = match &args[1..] {
        [] => None,
        [arg] => Some(Count::parse(arg)?),
        _ => return Err(errors::SYNTAX),
    };
    let set = txn.read::<Set>(&args[0])?;
    let Some(count) = count else {
        let one = set.and_then(|set| set.random(txn.random()));
        return Ok(one.map_or(Reply::Null, Reply::bulk));
    };
    let Some(set) = set else { return Ok(Reply::Array(Vec::new())) };
    count.bounded()?;
    let chosen = match count {
        Count::Different(count) => set.different(txn.random(), count),
        Count::Repeated(count) => (0..count).filter_map(|_| set.random(txn.random())).collect(),
    };
    strings(txn.room(), Shape::Array, chosen.into_iter())
}
