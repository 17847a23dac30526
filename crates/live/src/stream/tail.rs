//! Where a followed stream ends, as far as is known, and what a newer read says of that.
//!
//! Nothing may be left out silently, so a read is checked for what it does not say: that the stream was deleted and
//! made again since. Then fewer entries were ever added than are counted here, or other ones than came, or the entry
//! at the end has vanished though none was removed. Two histories that agree in all of this look the same to everyone
//! who asks Redis; the one case known is a stream that was empty from its beginning.

use model::EntryId;
use model::stream::StreamRange;

#[derive(Clone, Debug)]
pub(crate) struct Tail {
    /// Every entry up to here was sent to those at the end, or was there before them.
    pub end: EntryId,
    /// Entries ever added up to `end`; none where it is not known.
    added: Option<u64>,
    /// Where it ended when it was first read.
    since: EntryId,
    /// Entries up to here may have been lost with an earlier stream of this name.
    pub lost_up_to: EntryId,
}

/// What a read says to those at the end.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum News {
    /// The stream ends before their place now: nothing that they could be sent would continue what they have.
    Reset,
    /// Entries come, from this index of the read's on; maybe after a gap.
    Entries { from: usize, gap: Option<Gap> },
}

/// Entries after `after` and before `first` may be gone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Gap {
    pub after: EntryId,
    pub first: Option<EntryId>,
}

/// Up to where a read of the entries above `after` knows everything.
pub(crate) fn reach(range: &StreamRange, after: EntryId) -> EntryId {
    match (range.more, range.entries.last()) {
        (true, last) => last.map_or(after, |entry| entry.id),
        (false, _) => range.last_id,
    }
}

/// Whether the stream that was read, of the entries above `place`, is one in which `place` never was an entry: then it
/// was made after somebody came to that place in another one. `found`: the entry at `place` is still there.
///
/// A place that a client made up looks the same where nothing in the stream is as old.
pub(crate) fn is_after_place(range: &StreamRange, place: EntryId, found: bool) -> bool {
    let was_not_removed = range.removed_up_to < place;
    let is_older = !range.more && range.entries_added > range.entries.len() as u64;
    !found && was_not_removed && !is_older
}

impl Tail {
    /// The end that a read tells of.
    pub fn at(range: &StreamRange) -> Tail {
        let end = range.last_id;
        Tail { end, added: Some(range.entries_added), since: end, lost_up_to: EntryId::MIN }
    }

    /// Whether the stream was watched without a break since it ended before this place: then only here can anybody have
    /// come to it. Of a stream that was missing nobody knows which ids one before it had.
    pub fn has_watched(&self, place: EntryId) -> bool {
        self.since > EntryId::MIN && self.since < place
    }

    /// Takes in a read of the entries above `after`, which is at most `end`. It must be newer than all that were taken
    /// in before.
    pub fn see(&mut self, range: &StreamRange, after: EntryId) -> News {
        if range.last_id < self.end {
            *self = Tail::at(range);
            return News::Reset;
        }
        let from = range.entries.partition_point(|entry| entry.id <= self.end);
        let fresh = &range.entries[from..];
        let reach = reach(range, after);
        let counted = self.added.map(|added| added + fresh.len() as u64);
        let is_miscounted = match (range.more, counted) {
            (false, _) => counted != Some(range.entries_added),
            (true, counted) => counted.is_some_and(|counted| range.entries_added < counted),
        };
        let has_end = from > 0 && range.entries[from - 1].id == self.end;
        let is_end_missing = after < self.end && self.end <= reach && range.removed_up_to < self.end && !has_end;
        let is_lost = is_miscounted || is_end_missing;

        let end = reach.max(self.end);
        let is_told = is_lost || (end > self.end && range.removed_up_to > self.end);
        let first = || fresh.iter().map(|entry| entry.id).find(|id| *id > range.removed_up_to);
        let gap = is_told.then(|| Gap { after: self.end, first: first() });
        if is_lost {
            self.lost_up_to = end;
        }
        self.added = match (range.more, is_lost) {
            (false, _) => Some(range.entries_added),
            (true, false) => counted,
            (true, true) => None,
        };
        self.end = end;
        News::Entries { from, gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Entry;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn range(ids: &[u64], more: bool, last: u64, removed: u64, added: u64) -> StreamRange {
        let entries = ids.iter().map(|&ms| Entry { id: id(ms), fields: vec![] }).collect();
        StreamRange { entries, more, last_id: id(last), removed_up_to: id(removed), entries_added: added }
    }

    fn tail() -> Tail {
        Tail::at(&range(&[], false, 5, 0, 5))
    }

    #[track_caller]
    fn check(mut tail: Tail, after: u64, read: StreamRange, news: News, end: u64) {
        assert_eq!(tail.see(&read, id(after)), news);
        assert_eq!(tail.end, id(end));
    }

    fn entries(from: usize) -> News {
        News::Entries { from, gap: None }
    }

    fn gap(from: usize, after: u64, first: Option<u64>) -> News {
        News::Entries { from, gap: Some(Gap { after: id(after), first: first.map(id) }) }
    }

    #[test]
    fn entries_move_the_end() {
        check(tail(), 5, range(&[6, 7], false, 7, 0, 7), entries(0), 7);
        check(tail(), 5, range(&[6], true, 9, 0, 9), entries(0), 6);
        check(tail(), 3, range(&[4, 5, 6], false, 6, 0, 6), entries(2), 6);
        check(tail(), 5, range(&[], false, 5, 0, 5), entries(0), 5);
    }

    #[test]
    fn a_read_that_ends_before_the_end_says_nothing() {
        check(tail(), 1, range(&[2, 3], true, 9, 0, 9), entries(2), 5);
    }

    #[test]
    fn removed_entries_are_a_gap() {
        check(tail(), 5, range(&[8], false, 8, 7, 8), gap(0, 5, Some(8)), 8);
        check(tail(), 5, range(&[], false, 6, 6, 6), gap(0, 5, None), 6);
        check(tail(), 5, range(&[6, 9], false, 9, 8, 9), gap(0, 5, Some(9)), 9);
        check(tail(), 5, range(&[6], false, 8, 8, 8), gap(0, 5, None), 8);
        check(tail(), 5, range(&[], false, 5, 5, 5), entries(0), 5);
    }

    #[test]
    fn a_stream_that_ends_earlier_is_another_one() {
        check(tail(), 5, range(&[], false, 0, 0, 0), News::Reset, 0);
        check(tail(), 5, range(&[], false, 4, 0, 1), News::Reset, 4);
    }

    #[test]
    fn a_stream_made_again_is_noticed_by_its_count() {
        check(tail(), 5, range(&[6], false, 6, 0, 1), gap(0, 5, Some(6)), 6);
        check(tail(), 5, range(&[6, 7, 8, 9, 10, 11], false, 11, 0, 6), gap(0, 5, Some(6)), 11);
        check(tail(), 5, range(&[], false, 5, 0, 1), gap(0, 5, None), 5);
    }

    #[test]
    fn a_stream_made_again_is_noticed_by_the_entry_that_vanished() {
        check(tail(), 3, range(&[6, 7], true, 20, 0, 20), gap(0, 5, Some(6)), 7);
        check(tail(), 3, range(&[6, 7], true, 20, 5, 20), entries(0), 7);
    }

    #[test]
    fn a_stream_made_again_is_noticed_in_the_end_when_it_comes_in_parts() {
        let mut tail = tail();
        assert_eq!(tail.see(&range(&[6, 7], true, 20, 0, 15), id(5)), entries(0));
        assert_eq!(tail.see(&range(&[8, 20], false, 20, 0, 15), id(7)), gap(0, 7, Some(8)));
        assert_eq!(tail.lost_up_to, id(20), "those behind are told too");
        assert_eq!(tail.see(&range(&[21], false, 21, 0, 16), id(20)), entries(0), "once");
    }
}
