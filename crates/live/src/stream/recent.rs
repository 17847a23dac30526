//! The entries that came last. Clients that come back after a while, one behind the other, are given them from here: when a node
//! is restarted, all its clients come to the others, and each asking for its own part would be a herd at the backend.
//!
//! What is here is what a read would give: whatever a removal, an outage or a change without a new entry may have taken away is
//! forgotten, and read again.

use bytes::Bytes;
use model::{Entry, EntryId};
use std::collections::VecDeque;

/// So much of one stream is kept at most.
const BYTES_MAX: usize = 64 << 10;
/// And so many entries.
const ENTRIES_MAX: usize = 1024;
/// So much of all streams together.
const TOTAL_BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// Everything behind this place up to where the stream ends, as far as is known, is here.
    from: EntryId,
    /// There is an entry at that place.
    is_from_entry: bool,
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    /// The stream ends here, and nothing before is known.
    pub fn begin_at(&mut self, end: EntryId, total_bytes: &mut usize) {
        *total_bytes -= self.bytes;
        *self = Recent { from: end, ..Recent::default() };
    }

    /// These came next.
    pub fn add(&mut self, entries: &[Entry], total_bytes: &mut usize) {
        for entry in entries {
            self.bytes += cost(entry);
            *total_bytes += cost(entry);
            self.entries.push_back(copy(entry));
        }
        while self.bytes > BYTES_MAX || self.entries.len() > ENTRIES_MAX || *total_bytes > TOTAL_BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { return };
            (self.from, self.is_from_entry) = (oldest.id, true);
            self.bytes -= cost(&oldest);
            *total_bytes -= cost(&oldest);
        }
    }

    /// Entries up to this place may have been removed since: of what came before nothing is known any more.
    pub fn forget_up_to(&mut self, place: EntryId, total_bytes: &mut usize) {
        while let Some(oldest) = self.entries.pop_front_if(|entry| entry.id <= place) {
            self.bytes -= cost(&oldest);
            *total_bytes -= cost(&oldest);
        }
        if self.from < place {
            (self.from, self.is_from_entry) = (place, false);
        }
    }

    /// Whether this entry is among them.
    pub fn has(&self, id: EntryId) -> bool {
        (self.is_from_entry && self.from == id) || self.entries.binary_search_by_key(&id, |entry| entry.id).is_ok()
    }

    /// Everything from an older place up to the end was read for somebody.
    pub fn reach_back(&mut self, from: EntryId, is_entry: bool, entries: &[Entry], total_bytes: &mut usize) {
        if from < self.from {
            self.begin_at(from, total_bytes);
            self.is_from_entry = is_entry;
            self.add(entries, total_bytes);
        }
    }

    /// What came behind this place, if all of that is here: of at most so many bytes, but one entry if there is any.
    pub fn after(&self, place: EntryId, bytes_max: usize) -> Option<Vec<Entry>> {
        let at = self.entries.partition_point(|entry| entry.id <= place);
        let mut bytes = 0;
        let has_room = |entry: &&Entry| {
            let is_first = bytes == 0;
            bytes += entry.size();
            is_first || bytes <= bytes_max
        };
        (place >= self.from).then(|| self.entries.range(at..).take_while(has_room).cloned().collect())
    }
}

/// About what an entry takes in memory, in bytes: small fields take more than what they say.
fn cost(entry: &Entry) -> usize {
    const FIELD_BYTES: usize = 160;
    entry.size() + entry.fields.len() * FIELD_BYTES
}

/// An entry that holds on to no more than itself: what is decoded shares its buffer with all that came with it.
fn copy(entry: &Entry) -> Entry {
    let copy = |text: &Bytes| Bytes::copy_from_slice(text);
    Entry { id: entry.id, fields: entry.fields.iter().map(|(name, value)| (copy(name), copy(value))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ms: u64, bytes: usize) -> Entry {
        Entry { id: EntryId::new(ms, 0), fields: vec![(Bytes::from_static(b"f"), vec![b'v'; bytes].into())] }
    }

    fn after(recent: &Recent, ms: u64) -> Option<Vec<u64>> {
        recent.after(EntryId::new(ms, 0), BYTES_MAX).map(|entries| entries.iter().map(|entry| entry.id.ms).collect())
    }

    #[test]
    fn what_is_behind_a_place_is_told_only_if_all_of_it_is_here() {
        let (mut recent, mut total) = (Recent::default(), 0);
        recent.begin_at(EntryId::new(5, 0), &mut total);
        recent.add(&[entry(6, 1), entry(8, 1)], &mut total);
        recent.add(&[entry(9, 1)], &mut total);
        assert_eq!(after(&recent, 4), None);
        assert_eq!(after(&recent, 5), Some(vec![6, 8, 9]));
        assert_eq!(after(&recent, 7), Some(vec![8, 9]));
        let bounded = |bytes_max| recent.after(EntryId::new(5, 0), bytes_max).map(|entries| entries.len());
        assert_eq!([bounded(0), bounded(2 * entry(6, 1).size()), bounded(usize::MAX)], [Some(1), Some(2), Some(3)]);
        assert_eq!(after(&recent, 9), Some(vec![]));
        assert!(recent.has(EntryId::new(8, 0)) && !recent.has(EntryId::new(7, 0)) && !recent.has(EntryId::new(5, 0)));
        recent.reach_back(EntryId::new(6, 0), true, &[entry(8, 1)], &mut total);
        assert!(after(&recent, 5).is_some(), "it reaches further back already");
        recent.reach_back(EntryId::new(2, 0), true, &[entry(5, 1), entry(6, 1), entry(8, 1), entry(9, 1)], &mut total);
        assert_eq!(after(&recent, 2), Some(vec![5, 6, 8, 9]));
        assert!(recent.has(EntryId::new(2, 0)) && recent.has(EntryId::new(5, 0)) && !recent.has(EntryId::new(3, 0)));
        recent.begin_at(EntryId::new(12, 0), &mut total);
        assert_eq!((after(&recent, 9), after(&recent, 12), total), (None, Some(vec![]), 0));
    }

    #[test]
    fn what_may_be_removed_is_forgotten() {
        let (mut recent, mut total) = (Recent::default(), 0);
        recent.add(&[entry(6, 1), entry(8, 1), entry(9, 1)], &mut total);
        recent.forget_up_to(EntryId::new(8, 0), &mut total);
        assert_eq!((after(&recent, 7), after(&recent, 8)), (None, Some(vec![9])));
        assert!(!recent.has(EntryId::new(8, 0)));
        recent.forget_up_to(EntryId::new(3, 0), &mut total);
        assert_eq!((after(&recent, 8), total), (Some(vec![9]), recent.bytes));
    }

    #[test]
    fn each_limit_holds_and_the_oldest_go() {
        let (mut recent, mut total) = (Recent::default(), 0);
        let empty = |ms| Entry { id: EntryId::new(ms, 0), fields: vec![] };
        let many: Vec<Entry> = (1..=ENTRIES_MAX as u64 + 1).map(empty).collect();
        recent.add(&many[..ENTRIES_MAX], &mut total);
        assert!(after(&recent, 0).is_some());
        recent.add(&many[ENTRIES_MAX..], &mut total);
        assert!(after(&recent, 0).is_none() && after(&recent, 1).is_some());
        recent.add(&[entry(5000, BYTES_MAX / 2), entry(5001, BYTES_MAX / 2)], &mut total);
        assert_eq!((after(&recent, 5000), after(&recent, 4999)), (Some(vec![5001]), None));
        assert_eq!(total, recent.bytes);
        total += TOTAL_BYTES_MAX - total;
        recent.add(&[entry(6000, 10)], &mut total);
        assert_eq!((after(&recent, 5999), after(&recent, 6000)), (Some(vec![6000]), Some(vec![])));
        let mut other = Recent::default();
        total = TOTAL_BYTES_MAX;
        other.add(&[entry(1, 1)], &mut total);
        assert_eq!((after(&other, 0), after(&other, 1), total), (None, Some(vec![]), TOTAL_BYTES_MAX));
    }
}
