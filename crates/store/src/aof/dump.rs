//! A key as commands that make it, in parts: a large one is not written at once.

use super::encode::{Encoder, head, line, string};
use crate::db::Entry;
use crate::types::stream::Group;
use crate::types::{Hash, Set, Stream, Value, Zset};
use bytes::Bytes;
use model::EntryId;
use model::double::DoubleText;

/// Elements per command: Redis' `AOF_REWRITE_ITEMS_PER_CMD`.
const ELEMENTS_MAX: usize = 64;
/// Elements per part of a key, about.
pub(super) const PART: usize = 1024;

/// How far a key is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Beginning,
    /// Behind so many elements of a list or sorted set.
    Element(usize),
    /// At this cursor of a scan.
    Cursor(u64),
    /// Before this entry of a stream.
    Entry(EntryId),
}

/// Appends the commands that make this key of a database from nothing.
pub(super) fn key(encoder: &mut Encoder, db: usize, entry: &Entry, out: &mut Vec<u8>) {
    rest(encoder, db, entry, Place::Beginning, out);
}

/// Appends all parts from this place on.
pub(super) fn rest(encoder: &mut Encoder, db: usize, entry: &Entry, from: Place, out: &mut Vec<u8>) {
    let mut from = Some(from);
    while let Some(place) = from {
        from = part(encoder, db, entry, place, out);
    }
}

/// Appends a part; where the next one begins, unless this was the last.
pub(super) fn part(encoder: &mut Encoder, db: usize, entry: &Entry, from: Place, out: &mut Vec<u8>) -> Option<Place> {
    let key = entry.key();
    encoder.select(db, out);
    let next = match &entry.value {
        Value::Str(text) => {
            line(&[b"SET", key, text], out);
            None
        }
        Value::List(list) => {
            let (from, to) = elements_from(from, list.len());
            let mut gathered = Gathered::new(b"RPUSH", key, out);
            list.range(from..to).for_each(|element| gathered.add(&[element]));
            gathered.end();
            (to < list.len()).then_some(Place::Element(to))
        }
        Value::Zset(zset) => sorted_set(key, zset, from, out),
        Value::Set(found) => set(key, found, from, out),
        Value::Hash(found) => hash(key, found, from, out),
        Value::Stream(found) => stream(key, found, from, out),
    };
    if let (None, Some(deadline)) = (next, entry.deadline_ms()) {
        line(&[b"PEXPIREAT", key, itoa::Buffer::new().format(deadline).as_bytes()], out);
    }
    next
}

fn sorted_set(key: &[u8], zset: &Zset, from: Place, out: &mut Vec<u8>) -> Option<Place> {
    let (from, to) = elements_from(from, zset.len());
    let mut gathered = Gathered::new(b"ZADD", key, out);
    zset.range(from..to).for_each(|(member, score)| gathered.add(&[DoubleText::new(score).as_bytes(), member]));
    gathered.end();
    (to < zset.len()).then_some(Place::Element(to))
}

fn set(key: &[u8], set: &Set, from: Place, out: &mut Vec<u8>) -> Option<Place> {
    let mut gathered = Gathered::new(b"SADD", key, out);
    let next = set.scan(cursor(from), PART, |member| gathered.add(&[member]));
    gathered.end();
    (next != 0).then_some(Place::Cursor(next))
}

fn hash(key: &[u8], hash: &Hash, from: Place, out: &mut Vec<u8>) -> Option<Place> {
    let mut gathered = Gathered::new(b"HSET", key, out);
    let next = hash.scan(cursor(from), PART, |field, value| gathered.add(&[field, value]));
    gathered.end();
    (next != 0).then_some(Place::Cursor(next))
}

fn elements_from(from: Place, len: usize) -> (usize, usize) {
    let from = if let Place::Element(from) = from { from } else { 0 };
    (from, len.min(from + PART))
}

fn cursor(from: Place) -> u64 {
    if let Place::Cursor(cursor) = from { cursor } else { 0 }
}

/// Elements on their way to commands of some elements each.
struct Gathered<'a> {
    name: &'static [u8],
    key: &'a [u8],
    out: &'a mut Vec<u8>,
    /// The words of the command at hand, and how many elements they are.
    words: Vec<u8>,
    count: usize,
    elements: usize,
}

impl<'a> Gathered<'a> {
    fn new(name: &'static [u8], key: &'a [u8], out: &'a mut Vec<u8>) -> Gathered<'a> {
        Gathered { name, key, out, words: Vec::new(), count: 0, elements: 0 }
    }

    fn add(&mut self, words: &[&[u8]]) {
        words.iter().for_each(|word| string(word, &mut self.words));
        self.count += words.len();
        self.elements += 1;
        if self.elements == ELEMENTS_MAX {
            self.end();
        }
    }

    fn end(&mut self) {
        if self.elements > 0 {
            head(b'*', 2 + self.count, self.out);
            string(self.name, self.out);
            string(self.key, self.out);
            self.out.append(&mut self.words);
            (self.count, self.elements) = (0, 0);
        }
    }
}

fn stream(key: &[u8], stream: &Stream, from: Place, out: &mut Vec<u8>) -> Option<Place> {
    let from = if let Place::Entry(from) = from { from } else { EntryId::MIN };
    for (at, entry) in stream.range(from, EntryId::MAX).enumerate() {
        if at == PART {
            return Some(Place::Entry(entry.id));
        }
        let fields: Vec<(&[u8], &[u8])> = entry.fields().collect();
        head(b'*', 3 + 2 * fields.len(), out);
        [b"XADD", key, entry.id.to_string().as_bytes()].into_iter().for_each(|word| string(word, out));
        fields.iter().for_each(|(name, value)| [name, value].into_iter().for_each(|word| string(word, out)));
    }
    if stream.is_empty() {
        // One that is trimmed away at once makes an empty stream.
        let id = stream.last_id().max(EntryId::new(0, 1)).to_string();
        line(&[b"XADD", key, b"MAXLEN", b"0", id.as_bytes(), b"x", b"y"], out);
    }
    let (last, deleted) = (stream.last_id().to_string(), stream.max_deleted_id().to_string());
    let added = stream.entries_added().to_string();
    let words: [&[u8]; 7] =
        [b"XSETID", key, last.as_bytes(), b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", deleted.as_bytes()];
    line(&words, out);
    stream.groups().iter().for_each(|(name, found)| group(key, name, found, out));
    None
}

fn group(key: &[u8], name: &Bytes, group: &Group, out: &mut Vec<u8>) {
    let last = group.last_id.to_string();
    let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
    let words: [&[u8]; 7] = [b"XGROUP", b"CREATE", key, name, last.as_bytes(), b"ENTRIESREAD", read.as_bytes()];
    line(&words, out);
    for consumer in group.consumers().keys() {
        let words: [&[u8]; 5] = [b"XGROUP", b"CREATECONSUMER", key, name, consumer];
        line(&words, out);
    }
    for (id, pending) in group.pending() {
        let (id, at) = (id.to_string(), pending.delivered_ms.to_string());
        let count = pending.deliveries.to_string();
        let words: [&[u8]; 12] = [
            b"XCLAIM",
            key,
            name,
            &pending.consumer,
            b"0",
            id.as_bytes(),
            b"TIME",
            at.as_bytes(),
            b"RETRYCOUNT",
            count.as_bytes(),
            b"FORCE",
            b"JUSTID",
        ];
        line(&words, out);
    }
}
