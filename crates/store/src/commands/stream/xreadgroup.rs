//! `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key …] id [id …]`
//! (<https://redis.io/docs/latest/commands/xreadgroup/>).

use super::shared::claim::{place, transfer};
use super::shared::groups::creation;
use super::shared::reading::{From, Request};
use super::shared::{entry, id_reply};
use crate::client::waiting::Wait;
use crate::commands::{Attempt, Command};
use crate::db::txn::{Edit, Txn};
use crate::events::Classes;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Entries that no consumer of the group was given yet (`>`), which become pending for this one; or those that are pending
/// for it, from an id on.
pub const COMMAND: Command = Command::blocking("xreadgroup", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    let request = Request::parse(args, true)?;
    let mut found = Vec::new();
    let places = request.places(txn)?;
    let (mut room, mut log) = (txn.room(), Vec::new());
    for (key, place) in places {
        let (entries, is_new) = read(txn, &request, key, place, &mut log)?;
        if is_new {
            txn.notify(Classes::STREAM, "xgroup-createconsumer", key);
        }
        let Some(entries) = entries.map(Reply::Array) else { continue };
        let size = entries.size();
        found.push((Reply::Bulk(key.clone()), entries));
        // No stream is read whose entries nobody will see; the reply is over the limit already.
        if room.take(size).is_err() {
            break;
        }
    }
    txn.log_as(log);
    Ok(match found.is_empty() {
        false => Some(Reply::Map(found)),
        true => request.block.is_none().then_some(Reply::NullArray),
    })
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    Request::parse(args, true)?.wait(txn, args)
}

/// The entries of one stream, `None` if there is nothing new; and whether the consumer is new.
fn read(
    txn: &mut Txn<'_>,
    request: &Request<'_>,
    key: &Bytes,
    place: From,
    log: &mut Vec<Vec<Bytes>>,
) -> Result<(Option<Vec<Reply>>, bool), Error> {
    let now_ms = txn.now_ms();
    let Some((name, consumer)) = request.group else { return Ok((None, false)) };
    let read = txn.try_update_quietly(key, |stream: &mut Stream| {
        let is_new = stream.group_mut(name).expect("the group was seen to exist").seen(consumer, now_ms);
        if is_new {
            log.push(creation(key, name, consumer));
        }
        let entries = match place {
            From::After(after) => Some(history(stream, name, consumer, after, request.count, now_ms)),
            From::New => news(stream, request, key, now_ms, log),
        };
        let changed = is_new || entries.as_ref().is_some_and(|entries| !entries.is_empty());
        Ok(Edit::when(changed, (entries, is_new)))
    })?;
    Ok(read.unwrap_or_default())
}

/// What is pending for the consumer above an id, given once more; null in place of the fields of what was deleted.
fn history(
    stream: &mut Stream,
    name: &[u8],
    consumer: &Bytes,
    after: EntryId,
    count: usize,
    now_ms: u64,
) -> Vec<Reply> {
    let group = stream.group(name).expect("the group was seen to exist");
    let Some(from) = after.next() else { return Vec::new() };
    let pending = group.consumers()[consumer].pending();
    let ids: Vec<EntryId> = pending.range(from..).take(count).copied().collect();
    let mut replies = Vec::with_capacity(ids.len());
    for id in ids {
        match stream.get(id) {
            None => replies.push(Reply::Array(vec![id_reply(id), Reply::NullArray])),
            Some(found) => {
                replies.push(entry(found));
                let mut group = stream.group_mut(name).expect("the group was seen to exist");
                let deliveries = group.pending()[&id].deliveries + 1;
                group.assign(id, consumer, now_ms, deliveries);
            }
        }
    }
    replies
}

/// What the group has not read yet; pending from now on, unless nobody is to acknowledge it.
fn news(
    stream: &mut Stream,
    request: &Request<'_>,
    key: &Bytes,
    now_ms: u64,
    log: &mut Vec<Vec<Bytes>>,
) -> Option<Vec<Reply>> {
    let (name, consumer) = request.group?;
    let from = stream.group(name)?.last_id.next()?;
    let found: Vec<(EntryId, Reply)> =
        stream.range(from, EntryId::MAX).take(request.count).map(|found| (found.id, entry(found))).collect();
    let (last, _) = found.last()?;
    for (id, _) in &found {
        stream.advance(name, *id);
        let mut group = stream.group_mut(name)?;
        if !request.no_ack {
            group.assign(*id, consumer, now_ms, 1);
            log.push(transfer(key, name, &group, *id));
        }
    }
    let mut group = stream.group_mut(name)?;
    group.active(consumer, now_ms);
    log.push(place(key, name, *last, group.entries_read));
    Some(found.into_iter().map(|(_, entry)| entry).collect())
}
