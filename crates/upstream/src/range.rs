//! Reading streams: what is asked for a part of a stream, and what the answers say.
//!
//! `XRANGE` and `XINFO STREAM` go in one transaction, so both tell of one moment. (Apart, a trim between them could take
//! entries that neither of them tells of, or a stream could be deleted and made again.) Of a stream's end alone `XINFO`
//! is enough.
//!
//! Servers do not tell which entries a trim took, and Redis before 7 not even how many were ever added. What is told then
//! errs to one side: `removed_up_to` is just below the first entry that is left as soon as anything was ever removed,
//! and where additions are not counted the entries that are there are. So a gap may be told where nobody lost anything,
//! but none that somebody lost is passed over.

use crate::reply::{bytes, field, int, items};
use bytes::Bytes;
use model::error::TOOBIG;
use model::stream::StreamRange;
use model::{Args, Entry, EntryId, Error, Reply};

/// How many entries are asked for where nothing is known of their size.
const COUNT_FIRST: usize = 64;
/// Never more than so many at once.
const COUNT_MAX: usize = 4096;

/// How many entries probably fit into so many bytes.
pub(crate) fn count(bytes_max: usize, entry_bytes: u32) -> usize {
    match entry_bytes {
        0 => COUNT_FIRST,
        size => (bytes_max / size as usize).clamp(1, COUNT_MAX),
    }
}

/// The two questions: entries above a place, and what the stream is like.
pub(crate) fn questions(stream: &Bytes, after: Option<EntryId>, count: usize) -> (Option<Args>, Args) {
    let word = Bytes::from_static;
    let info = vec![word(b"XINFO"), word(b"STREAM"), stream.clone()];
    let entries = after.map(|after| {
        let (start, count) = (format!("({after}"), count.to_string());
        let words = [word(b"XRANGE"), stream.clone(), start.into(), word(b"+"), word(b"COUNT"), count.into()];
        Args::from(words)
    });
    (entries, info.into())
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub after: Option<EntryId>,
    pub bytes_max: usize,
}

/// What the answers say: an array of both, or that of `XINFO` alone. None if they are of no known form.
pub(crate) fn read(asked: Asked, reply: &Reply) -> Option<Result<StreamRange, Error>> {
    let (entries, info) = match (asked.after, items(reply)) {
        (None, _) => (None, reply),
        (Some(_), Some([entries, info])) => (Some(entries), info),
        _ => return None,
    };
    if let Some(error) = entries.and_then(Reply::as_error) {
        return Some(Err(error));
    }
    match info.as_error() {
        // The stream is missing: `ERR no such key`.
        Some(error) if error.code == model::error::ERR && error.message.contains("no such key") => {
            return Some(Ok(missing()));
        }
        Some(error) => return Some(Err(error)),
        None => {}
    }
    let entries = match entries {
        Some(entries) => items(entries)?.iter().map(entry).collect::<Option<Vec<_>>>()?,
        None => Vec::new(),
    };
    Some(Ok(range(asked, entries, info)?))
}

fn missing() -> StreamRange {
    let (last_id, removed_up_to) = (EntryId::MIN, EntryId::MIN);
    StreamRange { entries: Vec::new(), more: false, last_id, removed_up_to, entries_added: 0 }
}

fn range(asked: Asked, mut entries: Vec<Entry>, info: &Reply) -> Option<StreamRange> {
    let number = |name: &str| field(info, name).and_then(int).and_then(|n| u64::try_from(n).ok());
    let id = |name: &str| field(info, name).and_then(parse_id);
    let edge = |name: &str| field(info, name).and_then(entry).map(|entry| entry.id);
    let (length, last_id) = (number("length")?, id("last-generated-id")?);
    let (first, last) = (edge("first-entry"), edge("last-entry"));

    let added = number("entries-added");
    // Whether anything was ever removed; where additions are not counted it may have been.
    let was_trimmed = added.is_none_or(|added| added > length);
    let below_first = match (was_trimmed, first) {
        (false, _) => EntryId::MIN,
        (true, Some(first)) => before(first),
        (true, None) => last_id,
    };
    let removed_up_to = id("max-deleted-entry-id").unwrap_or(EntryId::MIN).max(below_first);

    truncate(&mut entries, asked.bytes_max);
    let reach = entries.last().map(|entry| entry.id).or(asked.after);
    let more = match (reach, last) {
        (Some(reach), Some(last)) => last > reach,
        _ => false,
    };
    Some(StreamRange { entries, more, last_id, removed_up_to, entries_added: added.unwrap_or(length) })
}

/// Keeps as many as fit, one at least.
fn truncate(entries: &mut Vec<Entry>, bytes_max: usize) {
    let mut left = bytes_max;
    let fits = |entry: &Entry| {
        let size = entry.size();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    let kept = entries.iter().map(fits).take_while(|fits| *fits).count();
    entries.truncate(kept.max(1));
}

fn entry(reply: &Reply) -> Option<Entry> {
    let [id, fields] = items(reply)? else { return None };
    let words = items(fields)?.iter().map(bytes).collect::<Option<Vec<_>>>()?;
    let fields = words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Some(Entry { id: parse_id(id)?, fields })
}

fn parse_id(reply: &Reply) -> Option<EntryId> {
    std::str::from_utf8(bytes(reply)?).ok()?.parse().ok()
}

fn before(id: EntryId) -> EntryId {
    match id.seq.checked_sub(1) {
        Some(seq) => EntryId { ms: id.ms, seq },
        None => EntryId { ms: id.ms.saturating_sub(1), seq: u64::MAX },
    }
}

/// The error for a stream of which one entry is over the limit.
pub(crate) fn too_big(bytes: u64) -> Error {
    Error::new(TOOBIG, format!("an entry of the stream is over value_bytes_max: the server's answer has {bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn entry_reply(ms: u64) -> Reply {
        Reply::Array(vec![
            Reply::bulk(format!("{ms}-0")),
            Reply::Array(vec![Reply::bulk("f"), Reply::bulk(format!("v{ms}"))]),
        ])
    }

    /// What a server says of a stream: its ids, the last ever given, additions and the last deleted if it counts them.
    fn info(ids: &[u64], last: u64, counts: Option<(u64, u64)>) -> Reply {
        let pair = |name: &str, value| (Reply::bulk(name), value);
        let edge = |ms: Option<&u64>| ms.map_or(Reply::Null, |ms| entry_reply(*ms));
        let mut pairs = vec![
            pair("length", Reply::Int(ids.len() as i64)),
            pair("last-generated-id", Reply::bulk(format!("{last}-0"))),
            pair("first-entry", edge(ids.first())),
            pair("last-entry", edge(ids.last())),
        ];
        if let Some((added, deleted)) = counts {
            pairs.push(pair("entries-added", Reply::Int(added as i64)));
            pairs.push(pair("max-deleted-entry-id", Reply::bulk(format!("{deleted}-0"))));
        }
        Reply::Map(pairs)
    }

    #[track_caller]
    fn found(after: u64, ids: &[u64], info: Reply, bytes_max: usize) -> StreamRange {
        let reply = Reply::Array(vec![Reply::Array(ids.iter().map(|ms| entry_reply(*ms)).collect()), info]);
        read(Asked { after: Some(id(after)), bytes_max }, &reply).unwrap().unwrap()
    }

    fn shape(range: &StreamRange) -> (Vec<u64>, bool, u64, EntryId, u64) {
        let ids = range.entries.iter().map(|entry| entry.id.ms).collect();
        (ids, range.more, range.last_id.ms, range.removed_up_to, range.entries_added)
    }

    #[test]
    fn entries_and_the_end_are_of_one_moment() {
        let range = found(1, &[2, 3], info(&[1, 2, 3], 3, Some((3, 0))), 1 << 20);
        assert_eq!(shape(&range), (vec![2, 3], false, 3, EntryId::MIN, 3));
        assert_eq!(range.entries[0].fields, [(Bytes::from("f"), Bytes::from("v2"))]);
        let range = found(1, &[2], info(&[1, 2, 3], 3, Some((3, 0))), 1 << 20);
        assert_eq!(shape(&range), (vec![2], true, 3, EntryId::MIN, 3));
        let range = found(3, &[], info(&[1, 2, 3], 4, Some((4, 4))), 1 << 20);
        assert_eq!(shape(&range), (vec![], false, 4, id(4), 4), "the last one was deleted");
    }

    #[test]
    fn what_is_over_the_budget_is_left_for_later_but_for_one_entry() {
        let size = found(1, &[2], info(&[2], 2, Some((1, 0))), 1 << 20).entries[0].size();
        let all = || info(&[2, 3, 4], 4, Some((3, 0)));
        for (bytes_max, kept) in [(1, 1), (2 * size - 1, 1), (2 * size, 2), (3 * size, 3)] {
            let range = found(1, &[2, 3, 4], all(), bytes_max);
            assert_eq!((range.entries.len(), range.more), (kept, kept < 3), "{bytes_max}");
        }
    }

    #[test]
    fn a_trim_that_the_server_does_not_date_is_dated_just_before_the_first_entry() {
        let range = found(1, &[7, 8], info(&[7, 8], 8, Some((5, 0))), 1 << 20);
        assert_eq!(range.removed_up_to, EntryId::new(6, u64::MAX));
        let range = found(9, &[], info(&[], 8, Some((5, 0))), 1 << 20);
        assert_eq!(range.removed_up_to, id(8), "all are gone");
        let range = found(1, &[7], info(&[1, 7], 8, Some((3, 8))), 1 << 20);
        assert_eq!(range.removed_up_to, id(8), "XDEL is dated");
    }

    #[test]
    fn before_redis_7_a_gap_is_told_once_too_often() {
        let range = found(1, &[7, 8], info(&[7, 8], 8, None), 1 << 20);
        assert_eq!(shape(&range), (vec![7, 8], false, 8, EntryId::new(6, u64::MAX), 2));
    }

    #[test]
    fn a_missing_stream_is_empty_and_another_type_is_an_error() {
        let missing_reply = Reply::Array(vec![Reply::Array(vec![]), Reply::error("ERR no such key")]);
        let asked = Asked { after: Some(id(1)), bytes_max: 1 };
        assert_eq!(read(asked, &missing_reply), Some(Ok(missing())));
        let wrong = Reply::error("WRONGTYPE Operation against a key");
        let reply = Reply::Array(vec![wrong.clone(), wrong.clone()]);
        assert_eq!(read(asked, &reply).unwrap().unwrap_err().code, "WRONGTYPE");
        let end = Asked { after: None, bytes_max: 1 };
        assert_eq!(read(end, &wrong).unwrap().unwrap_err().code, "WRONGTYPE");
        let range = read(end, &info(&[1, 2], 2, Some((2, 0)))).unwrap().unwrap();
        assert_eq!(shape(&range), (vec![], false, 2, EntryId::MIN, 2));
        assert_eq!(read(asked, &Reply::Int(1)), None);
    }

    #[test]
    fn the_count_follows_the_size_of_entries() {
        assert_eq!(count(1 << 16, 0), COUNT_FIRST);
        assert_eq!(count(1 << 16, 1 << 10), 64);
        assert_eq!(count(1 << 16, 1 << 20), 1);
        assert_eq!(count(1 << 30, 10), COUNT_MAX);
    }
}
