//! Claiming: an entry that one consumer has pending becomes another's.

use super::groups::creation;
use super::{entry, id_reply};
use crate::db::txn::{Edit, Txn};
use crate::events::Classes;
use crate::types::Stream;
use crate::types::stream::Group;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// What is claimed, and how.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// Only what was given at least so long ago, in milliseconds.
    pub idle_min_ms: u64,
    /// When it shall have been given, in milliseconds since 1970.
    pub delivered_ms: u64,
    /// How often it shall have been given; if not said, once more than before.
    pub deliveries: Option<u64>,
    /// What is pending for nobody is claimed too.
    pub force: bool,
    /// The reply has ids only, and how often it was given stays.
    pub just_id: bool,
    /// The group has read at least up to here.
    pub last_id: Option<EntryId>,
}

/// What was claimed.
#[derive(Debug, Default)]
pub struct Claimed {
    /// Entries or ids.
    pub replies: Vec<Reply>,
    /// Entries that are deleted, and are no longer pending either.
    pub gone: Vec<EntryId>,
}

/// Claims these ids for `key group consumer …`, which exist but for the consumer. The log has what it came to.
pub fn claim(txn: &mut Txn<'_>, args: &[Bytes], wanted: &Claim, ids: &[EntryId]) -> Result<Claimed, Error> {
    let (key, name, consumer) = (&args[0], &args[1], &args[2]);
    let now_ms = txn.now_ms();
    let (mut room, mut log) = (txn.room(), Vec::new());
    let (claimed, is_new) = txn
        .try_update_quietly(key, |stream: &mut Stream| {
            let mut claimed = Claimed::default();
            let mut group = stream.group_mut(name).expect("the group was seen to exist");
            if let Some(last_id) = wanted.last_id.filter(|id| *id > group.last_id) {
                group.last_id = last_id;
                log.push(place(key, name, last_id, group.entries_read));
            }
            let is_new = group.seen(consumer, now_ms);
            if is_new {
                log.push(creation(key, name, consumer));
            }
            drop(group);
            for &id in ids {
                let exists = stream.contains(id);
                let mut group = stream.group_mut(name).expect("the group was seen to exist");
                if !exists {
                    if group.acknowledge(id) {
                        claimed.gone.push(id);
                        log.push(acknowledgement(key, name, id));
                    }
                } else if take(&mut group, id, consumer, wanted, now_ms) {
                    log.push(transfer(key, name, &group, id));
                    drop(group);
                    let found = stream.get(id).map(|found| if wanted.just_id { id_reply(id) } else { entry(found) });
                    let size = found.as_ref().map_or(0, Reply::size);
                    claimed.replies.extend(found);
                    // Nothing is claimed that nobody will see; the reply is over the limit already.
                    if room.take(size).is_err() {
                        break;
                    }
                }
            }
            Ok(Edit::changed((claimed, is_new)))
        })?
        .unwrap_or_default();
    if is_new {
        txn.notify(Classes::STREAM, "xgroup-createconsumer", key);
    }
    txn.log_as(log);
    Ok(claimed)
}

/// Makes the consumer the owner of an entry, if it may.
fn take(group: &mut Group, id: EntryId, consumer: &Bytes, wanted: &Claim, now_ms: u64) -> bool {
    let old = group.pending().get(&id);
    let may = match old {
        None => wanted.force,
        Some(pending) => wanted.idle_min_ms == 0 || now_ms.saturating_sub(pending.delivered_ms) >= wanted.idle_min_ms,
    };
    if !may {
        return false;
    }
    let before = old.map_or(u64::from(wanted.just_id), |pending| pending.deliveries);
    let before = if old.is_none() { 0 } else { before };
    let deliveries = match wanted.deliveries {
        Some(deliveries) => deliveries,
        None if wanted.just_id => before.max(u64::from(old.is_none())),
        None => before + 1,
    };
    group.assign(id, consumer, wanted.delivered_ms, deliveries);
    group.active(consumer, now_ms);
    true
}

/// That an entry is pending as it is now, for the log.
pub fn transfer(key: &Bytes, name: &Bytes, group: &Group, id: EntryId) -> Vec<Bytes> {
    let pending = &group.pending()[&id];
    let text = |text: String| Bytes::from(text);
    vec![
        Bytes::from_static(b"XCLAIM"),
        key.clone(),
        name.clone(),
        pending.consumer.clone(),
        Bytes::from_static(b"0"),
        text(id.to_string()),
        Bytes::from_static(b"TIME"),
        text(pending.delivered_ms.to_string()),
        Bytes::from_static(b"RETRYCOUNT"),
        text(pending.deliveries.to_string()),
        Bytes::from_static(b"FORCE"),
        Bytes::from_static(b"JUSTID"),
        Bytes::from_static(b"LASTID"),
        text(group.last_id.to_string()),
    ]
}

/// How far the group has read, for the log.
pub fn place(key: &Bytes, group: &Bytes, last_id: EntryId, entries_read: Option<u64>) -> Vec<Bytes> {
    let read = entries_read.map_or("-1".to_owned(), |read| read.to_string());
    vec![
        Bytes::from_static(b"XGROUP"),
        Bytes::from_static(b"SETID"),
        key.clone(),
        group.clone(),
        Bytes::from(last_id.to_string()),
        Bytes::from_static(b"ENTRIESREAD"),
        Bytes::from(read),
    ]
}

fn acknowledgement(key: &Bytes, name: &Bytes, id: EntryId) -> Vec<Bytes> {
    vec![Bytes::from_static(b"XACK"), key.clone(), name.clone(), Bytes::from(id.to_string())]
}
