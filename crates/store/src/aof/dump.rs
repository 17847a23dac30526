//! A key as commands that make it.

use super::encode::{Encoder, head, line, string};
use crate::db::Entry;
use crate::resp2::double_text;
use crate::types::stream::Group;
use crate::types::{Stream, Value};
use bytes::Bytes;
use model::EntryId;

/// Elements per command: Redis' `AOF_REWRITE_ITEMS_PER_CMD`.
const ELEMENTS_MAX: usize = 64;

/// Appends the commands that make this key of a database from nothing.
pub(super) fn key(encoder: &mut Encoder, db: usize, entry: &Entry, out: &mut Vec<u8>) {
    let key = entry.key();
    encoder.select(db, out);
    match &entry.value {
        Value::Str(text) => line(&[b"SET", key, text], out),
        Value::List(list) => elements(b"RPUSH", key, list.len(), 1, list.iter().map(|element| [element]), out),
        Value::Set(set) => elements(b"SADD", key, set.len(), 1, set.iter().map(|member| [member]), out),
        Value::Hash(hash) => {
            elements(b"HSET", key, hash.len(), 2, hash.iter().map(|(field, value)| [field, value]), out);
        }
        Value::Zset(zset) => {
            let pair = |(member, score): (&[u8], f64)| [double_text(score), Bytes::copy_from_slice(member)];
            elements(b"ZADD", key, zset.len(), 2, zset.iter().map(pair), out);
        }
        Value::Stream(found) => stream(key, found, out),
    }
    if let Some(deadline) = entry.deadline_ms() {
        line(&[b"PEXPIREAT", key, deadline.to_string().as_bytes()], out);
    }
}

/// Some elements, of `width` words each, per command.
fn elements<I, const N: usize, T: AsRef<[u8]>>(
    name: &[u8],
    key: &[u8],
    len: usize,
    width: usize,
    mut each: I,
    out: &mut Vec<u8>,
) where
    I: Iterator<Item = [T; N]>,
{
    let mut left = len;
    while left > 0 {
        let now = left.min(ELEMENTS_MAX);
        head(b'*', 2 + now * width, out);
        string(name, out);
        string(key, out);
        for words in each.by_ref().take(now) {
            words.iter().for_each(|word| string(word.as_ref(), out));
        }
        left -= now;
    }
}

fn stream(key: &[u8], stream: &Stream, out: &mut Vec<u8>) {
    for entry in stream.range(EntryId::MIN, EntryId::MAX) {
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
}

fn group(key: &[u8], name: &Bytes, group: &Group, out: &mut Vec<u8>) {
    let last = group.last_id.to_string();
    let read = group.entries_read.map_or("-1".to_owned(), |read| read.to_string());
    line(&[b"XGROUP", b"CREATE", key, name, last.as_bytes(), b"ENTRIESREAD", read.as_bytes()], out);
    for consumer in group.consumers().keys() {
        line(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer], out);
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
