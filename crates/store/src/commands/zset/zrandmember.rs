//! `ZRANDMEMBER key [count [WITHSCORES]]` (<https://redis.io/docs/latest/commands/zrandmember/>).

use super::shared::{member, members};
use crate::commands::args::is;
use crate::commands::choose::Count;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// Random members: one, several different ones, or (a negative count) so many that may repeat.
pub const COMMAND: Command = Command::read("zrandmember", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let count = args.get(1).map(|arg| Count::parse(arg)).transpose()?;
    let with_scores = match args.get(2..).unwrap_or(&[]) {
        [] => false,
        [option] if is(option, "WITHSCORES") => true,
        _ => return Err(errors::SYNTAX),
    };
    if let Some(count) = count.filter(|_| with_scores) {
        count.doubled()?;
    }
    let zset = txn.read::<Zset>(&args[0])?;
    let Some(count) = count else {
        let one = zset.and_then(|zset| zset.random(txn.random()));
        return Ok(one.map_or(Reply::Null, |(name, score)| member(name, score, false)));
    };
    let Some(zset) = zset else { return Ok(Reply::Array(Vec::new())) };
    count.bounded()?;
    let chosen = match count {
        Count::Different(count) => zset.different(txn.random(), count),
        Count::Repeated(count) => (0..count).filter_map(|_| zset.random(txn.random())).collect(),
    };
    members(txn.room(), chosen.into_iter(), with_scores)
}
