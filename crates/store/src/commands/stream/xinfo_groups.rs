//! `XINFO GROUPS key` (<https://redis.io/docs/latest/commands/xinfo-groups/>).

use super::shared::{id_reply, map};
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;
use model::Reply;

/// The consumer groups of a stream.
pub const COMMAND: Command = Command::read("xinfo|groups", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let stream = txn.read::<Stream>(&args[0])?.ok_or(errors::NO_SUCH_KEY)?;
    let count = |count: Option<u64>| count.map_or(Reply::Null, |count| Reply::Int(count as i64));
    let groups = stream.groups().iter().map(|(name, group)| {
        map([
            ("name", Reply::Bulk(name.clone())),
            ("consumers", size(group.consumers().len())),
            ("pending", size(group.pending().len())),
            ("last-delivered-id", id_reply(group.last_id)),
            ("entries-read", count(group.entries_read)),
            ("lag", stream.lag(group).map_or(Reply::Null, Reply::Int)),
        ])
    });
    Ok(Reply::Array(groups.collect()))
}
