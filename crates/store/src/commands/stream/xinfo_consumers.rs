//! `XINFO CONSUMERS key group` (<https://redis.io/docs/latest/commands/xinfo-consumers/>).

use super::shared::groups::no_group;
use super::shared::map;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;
use model::Reply;

/// The consumers of a group. Of those that were never given anything, `inactive` is -1.
pub const COMMAND: Command = Command::read("xinfo|consumers", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let stream = txn.read::<Stream>(&args[0])?.ok_or(errors::NO_SUCH_KEY)?;
    let group = stream.group(&args[1]).ok_or_else(|| no_group(&args[0], &args[1]))?;
    let since = |ms: u64| Reply::Int(txn.now_ms().saturating_sub(ms) as i64);
    let consumers = group.consumers().iter().map(|(name, consumer)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("pending", size(consumer.pending().len())),
            ("idle", since(consumer.seen_ms)),
            ("inactive", consumer.active_ms.map_or(Reply::Int(-1), since)),
        ])
    });
    Ok(Reply::Array(consumers.collect()))
}
