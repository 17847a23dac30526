//! A run of entries of a stream in one buffer.
//!
//! An entry is its values, each after its length (LEB128), behind a 0 if its field names are those of the chunk's
//! first entry, which the chunk holds once; else it is its number of fields and then names and values in turn.
//! Entries at the beginning are removed by not looking at them any more, others by closing the gap in the buffer.

use bytes::Bytes;
use model::{Entry, EntryId};

/// The most entries a chunk is given in its life (Redis' `stream-node-max-entries`).
const ENTRIES_MAX: usize = 100;
/// The most bytes of names and values in a chunk, unless its first entry alone is longer (Redis'
/// `stream-node-max-bytes`).
const BYTES_MAX: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The field names of the first entry it was given.
    names: Box<[Bytes]>,
    slots: Vec<Slot>,
    data: Vec<u8>,
    /// So many slots at the beginning are removed already.
    trimmed: usize,
    /// How many entries it was ever given.
    added: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: EntryId,
    /// Where its bytes end; they begin where those of the slot before end.
    end: usize,
}

impl Chunk {
    pub(super) fn beginning_with(id: EntryId, fields: &[Bytes]) -> Chunk {
        let names = fields.iter().step_by(2).map(|name| Bytes::copy_from_slice(name)).collect();
        let mut chunk = Chunk { names, slots: Vec::new(), data: Vec::new(), trimmed: 0, added: 0 };
        chunk.push(id, fields);
        chunk
    }

    pub(super) fn has_room_for(&self, fields: &[Bytes]) -> bool {
        self.added < ENTRIES_MAX && self.data.len() + fields.iter().map(Bytes::len).sum::<usize>() < BYTES_MAX
    }

    pub(super) fn push(&mut self, id: EntryId, fields: &[Bytes]) {
        if fields.iter().step_by(2).eq(self.names.iter()) {
            put_number(&mut self.data, 0);
            fields.iter().skip(1).step_by(2).for_each(|value| put_bytes(&mut self.data, value));
        } else {
            put_number(&mut self.data, fields.len() / 2);
            fields.iter().for_each(|bytes| put_bytes(&mut self.data, bytes));
        }
        self.slots.push(Slot { id, end: self.data.len() });
        self.added += 1;
    }

    /// Gives back what growing left over: nothing more will be pushed.
    pub(super) fn seal(&mut self) {
        self.slots.shrink_to_fit();
        self.data.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.trimmed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn memory(&self) -> usize {
        let names: usize = self.names.iter().map(|name| size_of::<Bytes>() + name.len()).sum();
        size_of::<Chunk>() + names + self.data.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    /// How many entries have smaller ids.
    pub(super) fn index_from(&self, id: EntryId) -> usize {
        self.live().partition_point(|slot| slot.id < id)
    }

    /// Removes so many entries from the beginning, at least one; returns the last one's id.
    pub(super) fn trim(&mut self, count: usize) -> EntryId {
        self.trimmed += count;
        self.slots[self.trimmed - 1].id
    }

    /// Removes one entry; returns whether it was there.
    pub(super) fn remove(&mut self, id: EntryId) -> bool {
        let Ok(at) = self.live().binary_search_by_key(&id, |slot| slot.id) else { return false };
        if at == 0 {
            self.trim(1);
            return true;
        }
        let at = self.trimmed + at;
        let (start, end) = (self.slots[at - 1].end, self.slots[at].end);
        self.data.drain(start..end);
        self.slots.remove(at);
        self.slots[at..].iter_mut().for_each(|slot| slot.end -= end - start);
        true
    }

    /// The entries with ids from `from` to `to`, both included.
    pub(super) fn between(&self, from: EntryId, to: EntryId) -> impl DoubleEndedIterator<Item = EntryRef<'_>> {
        let start = self.live().partition_point(|slot| slot.id < from);
        let end = self.live().partition_point(|slot| slot.id <= to);
        (self.trimmed + start..self.trimmed + end).map(|at| self.entry(at))
    }

    fn live(&self) -> &[Slot] {
        &self.slots[self.trimmed..]
    }

    fn entry(&self, at: usize) -> EntryRef<'_> {
        let start = if at == 0 { 0 } else { self.slots[at - 1].end };
        let mut data = &self.data[start..self.slots[at].end];
        let own_names = take_number(&mut data);
        EntryRef { id: self.slots[at].id, data, names: if own_names == 0 { &self.names } else { &[] } }
    }
}

/// One entry where it lies.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    /// Its id.
    pub id: EntryId,
    /// The names if the chunk holds them, else none.
    names: &'a [Bytes],
    /// The values if the chunk holds the names, else names and values.
    data: &'a [u8],
}

impl<'a> EntryRef<'a> {
    /// Names and values in the order they were added.
    pub fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (mut names, mut data) = (self.names.iter(), self.data);
        std::iter::from_fn(move || {
            if data.is_empty() {
                return None;
            }
            let name = match names.next() {
                Some(name) => name,
                None => take_bytes(&mut data),
            };
            Some((name, take_bytes(&mut data)))
        })
    }

    /// What [`Entry::size`] says of the copy.
    pub fn size(self) -> usize {
        Entry { id: self.id, fields: Vec::new() }.size()
            + self.fields().map(|(k, v)| k.len() + v.len() + 8).sum::<usize>()
    }
}

impl From<EntryRef<'_>> for Entry {
    /// A copy: one buffer for all values (and names, unless the chunk holds them), which pins nothing of the chunk.
    fn from(entry: EntryRef<'_>) -> Entry {
        let copy = Bytes::copy_from_slice(entry.data);
        let name = |at: usize, name: &[u8]| entry.names.get(at).cloned().unwrap_or_else(|| copy.slice_ref(name));
        let fields = EntryRef { data: &copy, ..entry }.fields();
        let fields = fields.enumerate().map(|(at, (k, v))| (name(at, k), copy.slice_ref(v))).collect();
        Entry { id: entry.id, fields }
    }
}

fn put_bytes(data: &mut Vec<u8>, bytes: &[u8]) {
    put_number(data, bytes.len());
    data.extend_from_slice(bytes);
}

fn take_bytes<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let len = take_number(data);
    data.split_off(..len).expect("a chunk holds what its lengths say")
}

fn put_number(data: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        data.push(number as u8 | 0x80);
        number >>= 7;
    }
    data.push(number as u8);
}

fn take_number(data: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *data.split_off_first().expect("a chunk holds whole numbers");
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}
