//! The way from this lane to another: an outbox like a client's, so it never blocks and never drops silently.
//!
//! The other lane's mailbox takes a bounded amount; what it does not take waits here. Over the limit, frames of queries
//! conflate, messages are counted, streams keep their place. Letters that may not be lost are always queued: their
//! number is bounded by the limits of the clients that caused them.

use crate::mail::{MAIL_BYTES, Mail};
use ahash::AHashMap;
use bytes::Bytes;
use hub::{Class, Item, Outbox, Pushed};
use model::{EntryId, FeedId, Format};

/// The way to one other lane.
#[derive(Debug, Default)]
pub struct Link {
    outbox: Outbox<Mail>,
    bytes_max: usize,
    /// Feeds whose frames are skipped until what was lost has been made good.
    behind: AHashMap<(FeedId, Format), Class>,
    /// Messages lost and not told of yet.
    missed: AHashMap<(FeedId, Format), u32>,
}

/// What has to be made good now that there is room again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// The feed.
    pub feed: FeedId,
    /// The format.
    pub format: Format,
    /// How: a whole value, or that everybody goes on from its place.
    pub class: Class,
}

impl Link {
    /// A link that queues up to `bytes_max` bytes of frames.
    pub fn new(bytes_max: usize) -> Link {
        Link { bytes_max, ..Link::default() }
    }

    /// From now on so many bytes of frames are queued.
    pub fn set_limit(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// A letter that may not be lost.
    pub fn push_must(&mut self, feed: FeedId, format: Format, mail: Mail, bytes: usize) {
        let item = Item { class: Class::Must, feed, format, count: 1, weight: MAIL_BYTES + bytes, body: mail };
        let pushed = self.outbox.push(item, usize::MAX, &mut Vec::new());
        debug_assert_eq!(pushed, Pushed::Queued, "there is no limit to hit");
    }

    /// A frame of a feed.
    pub fn push_frame(&mut self, class: Class, feed: FeedId, format: Format, frame: Bytes, end: EntryId) {
        if self.behind.contains_key(&(feed, format)) {
            return;
        }
        let weight = MAIL_BYTES + frame.len();
        let body = Mail::Frame { feed, format, frame, end };
        let mut lost = Vec::new();
        self.outbox.push(Item { class, feed, format, count: 1, weight, body }, self.bytes_max, &mut lost);
        for loss in lost {
            let key = (loss.feed, loss.format);
            match loss.class {
                Class::Events => *self.missed.entry(key).or_default() += loss.count,
                class => drop(self.behind.insert(key, class)),
            }
        }
    }

    /// The next letter.
    pub fn pop(&mut self) -> Option<Mail> {
        for ((feed, format), count) in in_order(&mut self.missed) {
            let body = Mail::Missed { feed, format, count };
            let told = Item { class: Class::Must, feed, format, count: 1, weight: MAIL_BYTES, body };
            self.outbox.insert_before_events(told);
        }
        self.outbox.pop().map(|item| item.body)
    }

    /// Whether something is to be made good, and can be: at least half of the link is free.
    pub fn may_recover(&self) -> bool {
        !self.behind.is_empty() && self.outbox.bytes() * 2 <= self.bytes_max
    }

    /// What to make good, if it can be. Each is named once.
    pub fn recover(&mut self) -> Vec<Recovery> {
        if !self.may_recover() {
            return Vec::new();
        }
        let named = |((feed, format), class)| Recovery { feed, format, class };
        in_order(&mut self.behind).into_iter().map(named).collect()
    }

    /// Whether letters wait.
    pub fn is_empty(&self) -> bool {
        self.outbox.is_empty() && self.missed.is_empty()
    }

    /// The weight of what waits, in bytes.
    pub fn bytes(&self) -> usize {
        self.outbox.bytes()
    }
}

/// Empties the map in the order of its keys, so that what a lane does depends on what it is told and nothing else.
fn in_order<T>(map: &mut AHashMap<(FeedId, Format), T>) -> Vec<((FeedId, Format), T)> {
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: FeedId = FeedId(1);

    fn frame(link: &mut Link, class: Class, size: usize) {
        link.push_frame(class, FEED, Format::Native, vec![0; size].into(), EntryId::MIN);
    }

    fn names(link: &mut Link) -> Vec<&'static str> {
        let name = |mail| match mail {
            Mail::Frame { .. } => "frame",
            Mail::Missed { count: 3, .. } => "missed 3",
            Mail::Ended { .. } => "ended",
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| link.pop()).map(name).collect()
    }

    #[test]
    fn messages_over_the_limit_are_counted_and_told_before_the_ones_that_follow() {
        let mut link = Link::new(2 * (MAIL_BYTES + 10));
        for _ in 0..5 {
            frame(&mut link, Class::Events, 10);
        }
        assert_eq!(names(&mut link), ["missed 3", "frame", "frame"]);
        assert!(link.is_empty() && link.bytes() == 0);
    }

    #[test]
    fn state_over_the_limit_is_skipped_until_it_is_made_good() {
        let mut link = Link::new(2 * (MAIL_BYTES + 10));
        for _ in 0..3 {
            frame(&mut link, Class::State, 10);
        }
        assert_eq!(link.recover(), [Recovery { feed: FEED, format: Format::Native, class: Class::State }]);
        assert_eq!(link.recover(), []);
        frame(&mut link, Class::State, 10);
        assert_eq!(names(&mut link), ["frame"]);
    }

    #[test]
    fn what_may_not_be_lost_is_queued_over_the_limit() {
        let mut link = Link::new(1);
        for _ in 0..3 {
            link.push_must(FEED, Format::Native, Mail::Ended { feed: FEED, format: Format::Native }, 0);
        }
        assert_eq!(names(&mut link), ["ended", "ended", "ended"]);
    }
}
