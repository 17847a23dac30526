//! `XINFO STREAM key [FULL [COUNT count]]` (<https://redis.io/docs/latest/commands/xinfo-stream/>).

use super::shared::{entries, entry, id_reply, map};
use crate::commands::args::{int, is, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use crate::types::stream::{Consumer, Group};
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// A stream's length and history, with its first and last entry, or with its first ones.
pub const COMMAND: Command = Command::read("xinfo|stream", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let stream = txn.read::<Stream>(&args[0])?.ok_or(errors::NO_SUCH_KEY)?;
    let full = parse_full(&args[1..])?;
    let mut info = history(stream);
    match full {
        None => {
            let shown = |found: Option<_>| found.map_or(Reply::Null, entry);
            info.push(("groups", size(stream.groups().len())));
            info.push(("first-entry", shown(stream.first())));
            info.push(("last-entry", shown(stream.last())));
        }
        Some(count) => {
            info.push(("entries", entries(&mut txn.room(), stream.range(EntryId::MIN, EntryId::MAX).take(count))?));
            info.push(("groups", Reply::Array(groups(stream, count))));
        }
    }
    Ok(Reply::Map(info.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect()))
}

/// `[FULL [COUNT count]]`: how many entries are shown if all is asked for.
fn parse_full(options: &[Bytes]) -> Result<Option<usize>, Error> {
    /// What Redis shows if not told otherwise, or told a negative count. Zero means all.
    const COUNT_DEFAULT: usize = 10;
    match options {
        [] => Ok(None),
        [full] if is(full, "FULL") => Ok(Some(COUNT_DEFAULT)),
        [full, name, count] if is(full, "FULL") && is(name, "COUNT") => match int(count)? {
            0 => Ok(Some(usize::MAX)),
            count => Ok(Some(usize::try_from(count).unwrap_or(COUNT_DEFAULT))),
        },
        _ => Err(errors::custom("unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.")),
    }
}

/// The groups with their consumers, and as many of the pending entries of each as asked for.
fn groups(stream: &Stream, count: usize) -> Vec<Reply> {
    let number = |number: Option<u64>| number.map_or(Reply::Null, |number| Reply::Int(number as i64));
    let group = |(name, group): (&Bytes, &Group)| {
        let pending = group.pending().iter().take(count).map(|(id, pending)| {
            let consumer = Reply::Bulk(pending.consumer.clone());
            let times = [pending.delivered_ms, pending.deliveries].map(|n| Reply::Int(n as i64));
            Reply::Array([id_reply(*id), consumer].into_iter().chain(times).collect())
        });
        map([
            ("name", Reply::Bulk(name.clone())),
            ("last-delivered-id", id_reply(group.last_id)),
            ("entries-read", number(group.entries_read)),
            ("lag", stream.lag(group).map_or(Reply::Null, Reply::Int)),
            ("pel-count", size(group.pending().len())),
            ("pending", Reply::Array(pending.collect())),
            ("consumers", Reply::Array(consumers(group, count))),
        ])
    };
    stream.groups().iter().map(group).collect()
}

fn consumers(group: &Group, count: usize) -> Vec<Reply> {
    let consumer = |(name, consumer): (&Bytes, &Consumer)| {
        let pending = consumer.pending().iter().take(count).map(|id| {
            let pending = &group.pending()[id];
            let times = [pending.delivered_ms, pending.deliveries].map(|n| Reply::Int(n as i64));
            Reply::Array(std::iter::once(id_reply(*id)).chain(times).collect())
        });
        map([
            ("name", Reply::Bulk(name.clone())),
            ("seen-time", Reply::Int(consumer.seen_ms as i64)),
            ("active-time", consumer.active_ms.map_or(Reply::Int(-1), |ms| Reply::Int(ms as i64))),
            ("pel-count", size(consumer.pending().len())),
            ("pending", Reply::Array(pending.collect())),
        ])
    };
    group.consumers().iter().map(consumer).collect()
}

fn history(stream: &Stream) -> Vec<(&'static str, Reply)> {
    let first = stream.first().map_or(EntryId::MIN, |entry| entry.id);
    vec![
        ("length", size(stream.len())),
        ("radix-tree-keys", size(stream.chunks())),
        ("radix-tree-nodes", size(stream.chunks() + 1)),
        ("last-generated-id", id_reply(stream.last_id())),
        ("max-deleted-entry-id", id_reply(stream.max_deleted_id())),
        ("entries-added", Reply::Int(i64::try_from(stream.entries_added()).unwrap_or(i64::MAX))),
        ("recorded-first-entry-id", id_reply(first)),
    ]
}
