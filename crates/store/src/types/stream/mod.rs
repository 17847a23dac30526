//! The stream: entries in the order of their ids, which only rise.
//!
//! Entries lie in chunks of about a hundred (`chunk`), found by the id that the chunk began with; within a chunk an
//! id is found by bisection. Appending touches the last chunk; trimming drops whole chunks and then hides the first
//! entries of one; deletion takes an entry out of its chunk.
//!
//! Beside the entries a stream knows its history: the last id it ever gave, how many entries were ever added, up to where
//! entries were deleted, and up to where they were removed in any way, trims included, so that a follower can be
//! told of every gap. And it has its consumer groups (`group`).

mod chunk;
mod group;

use bytes::Bytes;
use chunk::Chunk;
pub use chunk::EntryRef;
pub use group::{Consumer, Group, GroupMut, Pending};
use model::stream::StreamRange;
use model::{Entry, EntryId};
use std::collections::BTreeMap;

/// A stream. An empty one is kept as long as its key is.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// By the id of the first entry that each was given. No chunk is empty.
    chunks: BTreeMap<EntryId, Chunk>,
    len: usize,
    last_id: EntryId,
    entries_added: u64,
    /// As Redis keeps it: of entries that were deleted, not trimmed.
    max_deleted_id: EntryId,
    /// Of entries that were removed in any way.
    removed_up_to: EntryId,
    groups: BTreeMap<Bytes, Group>,
    /// Bytes that the chunks take.
    bytes: usize,
    /// Bytes that the groups take, with their names.
    group_bytes: usize,
}

/// The id that a new entry is to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// `*`: from the clock, above the last one.
    Auto,
    /// `ms-*`: the next sequence number of this millisecond.
    AutoSeq(u64),
    /// This one.
    Exact(EntryId),
}

/// What to remove from a stream's beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// What may stay.
    pub keep: Keep,
    /// Only whole chunks are removed, so somewhat more may stay: Redis' `~`.
    pub approximate: bool,
    /// Removes at most so many entries; `None`: no limit.
    pub limit: Option<u64>,
}

/// What a trim keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// So many of the newest entries.
    MaxLen(u64),
    /// Entries with at least this id.
    MinId(EntryId),
}

impl Stream {
    /// A stream that never had an entry.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The greatest id ever added or set.
    pub fn last_id(&self) -> EntryId {
        self.last_id
    }

    /// How many entries were ever added, or what was set.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// Every entry ever deleted, trims not counted, had at most this id; [`EntryId::MIN`] if none was.
    pub fn max_deleted_id(&self) -> EntryId {
        self.max_deleted_id
    }

    /// How many chunks the entries lie in: what Redis calls the keys of its radix tree.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// About how many bytes the stream holds, in constant time.
    pub fn memory(&self) -> usize {
        size_of::<Stream>() + self.bytes + self.group_bytes
    }

    /// The id that an entry asked for in this way would get now; `None` if it would not be above the last id.
    pub fn next_id(&self, new: NewId, now_ms: u64) -> Option<EntryId> {
        let last = self.last_id;
        let id = match new {
            NewId::Auto if now_ms > last.ms => EntryId::new(now_ms, 0),
            NewId::Auto => last.next()?,
            NewId::AutoSeq(ms) if ms == last.ms => EntryId::new(ms, last.seq.checked_add(1)?),
            NewId::AutoSeq(ms) => EntryId::new(ms, 0),
            NewId::Exact(id) => id,
        };
        (id > last).then_some(id)
    }

    /// Adds an entry with a copy of these fields: names and values in turn. The id must be above the last one, as
    /// [`Stream::next_id`] gives it.
    pub fn append(&mut self, id: EntryId, fields: &[Bytes]) {
        debug_assert!(id > self.last_id && fields.len().is_multiple_of(2));
        match self.chunks.last_entry() {
            Some(mut last) if last.get().has_room_for(fields) => {
                let chunk = last.get_mut();
                self.bytes -= chunk.memory();
                chunk.push(id, fields);
                self.bytes += chunk.memory();
            }
            last => {
                if let Some(mut full) = last {
                    self.bytes -= full.get().memory();
                    full.get_mut().seal();
                    self.bytes += full.get().memory();
                }
                let chunk = Chunk::beginning_with(id, fields);
                self.bytes += chunk.memory();
                self.chunks.insert(id, chunk);
            }
        }
        self.len += 1;
        self.last_id = id;
        self.entries_added += 1;
    }

    /// Deletes an entry; returns whether it was there.
    pub fn remove(&mut self, id: EntryId) -> bool {
        let Some((&first, chunk)) = self.chunks.range_mut(..=id).next_back() else { return false };
        if !chunk.remove(id) {
            return false;
        }
        if chunk.is_empty() {
            self.bytes -= chunk.memory();
            self.chunks.remove(&first);
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        self.removed_up_to = self.removed_up_to.max(id);
        true
    }

    /// Removes entries from the beginning; returns how many.
    pub fn trim(&mut self, trim: Trim) -> usize {
        let before = self.len;
        while let Some(mut first) = self.chunks.first_entry() {
            let chunk = first.get_mut();
            let removed = before - self.len;
            let excess = match trim.keep {
                Keep::MaxLen(max) => self.len.saturating_sub(usize::try_from(max).unwrap_or(usize::MAX)),
                Keep::MinId(min) => chunk.index_from(min),
            };
            let over_limit = trim.limit.is_some_and(|limit| (removed + chunk.len()) as u64 > limit);
            if excess == 0 || over_limit || (trim.approximate && excess < chunk.len()) {
                break;
            }
            let count = excess.min(chunk.len());
            self.len -= count;
            self.removed_up_to = self.removed_up_to.max(chunk.trim(count));
            if !chunk.is_empty() {
                break;
            }
            self.bytes -= chunk.memory();
            first.remove();
        }
        before - self.len
    }

    /// Sets the last id, which must be at least that of the last entry, and the history where given. The mark of
    /// what was removed in any way only rises.
    pub fn set_id(&mut self, last_id: EntryId, entries_added: Option<u64>, max_deleted_id: Option<EntryId>) {
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
        self.removed_up_to = self.removed_up_to.max(self.max_deleted_id);
    }

    /// The first entry.
    pub fn first(&self) -> Option<EntryRef<'_>> {
        self.range(EntryId::MIN, EntryId::MAX).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<EntryRef<'_>> {
        self.range(EntryId::MIN, EntryId::MAX).next_back()
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: EntryId) -> bool {
        self.get(id).is_some()
    }

    /// The entry with this id.
    pub fn get(&self, id: EntryId) -> Option<EntryRef<'_>> {
        self.range(id, id).next()
    }

    /// The entries with ids from `from` to `to`, both included, from either end.
    pub fn range(&self, from: EntryId, to: EntryId) -> impl DoubleEndedIterator<Item = EntryRef<'_>> {
        let first = self.chunks.range(..=from).next_back().map_or(from, |(&id, _)| id);
        // A range that ends before it begins is empty, and not for the map to hear of.
        let chunks = (from <= to).then(|| self.chunks.range(first..=to)).into_iter().flatten();
        chunks.flat_map(move |(_, chunk)| chunk.between(from, to))
    }

    /// The entries above `after` while their sizes sum up to at most `bytes_max` (one at least, if there is one), and
    /// the stream's history. `None`: no entries, only where the stream ends.
    pub fn read_after(&self, after: Option<EntryId>, bytes_max: usize) -> StreamRange {
        let mut range = StreamRange {
            entries: Vec::new(),
            more: false,
            last_id: self.last_id,
            removed_up_to: self.removed_up_to,
            entries_added: self.entries_added,
        };
        let Some(from) = after.and_then(EntryId::next) else { return range };
        let mut bytes = 0;
        for entry in self.range(from, EntryId::MAX) {
            bytes += entry.size();
            if bytes > bytes_max && !range.entries.is_empty() {
                range.more = true;
                break;
            }
            range.entries.push(Entry::from(entry));
        }
        range
    }
}

#[cfg(test)]
mod tests;
