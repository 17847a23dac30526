//! A queue bounded in bytes whose overflow is a rule, not an accident.
//!
//! The same queue stands before a client's socket (`T` = bytes) and before another lane (`T` = mail). What happens at
//! the limit depends on the item's [`Class`], and everything dropped is told to the caller as a [`Loss`].

use crate::queue::Queue;
use model::{FeedId, Format};

/// What may happen to an item when there is no room for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Never dropped (replies, the end of a feed): makes room by dropping others, else the queue is [`Pushed::Full`].
    Must,
    /// A query's value or patch: all of its feed that is queued goes, and the newest whole value is asked for later.
    State,
    /// Messages of a channel: the oldest go, counted.
    Events,
    /// Entries of a stream: not queued; the reader goes on from its place later.
    Entries,
}

/// One queued thing.
#[derive(Debug)]
pub struct Item<T> {
    /// What may happen to it.
    pub class: Class,
    /// The feed it belongs to; ignored for [`Class::Must`].
    pub feed: FeedId,
    /// The format it is written in: the same feed in two formats is two sequences.
    pub format: Format,
    /// How many messages it holds.
    pub count: u32,
    /// Its size in bytes, as counted against the limit.
    pub weight: usize,
    /// The thing.
    pub body: T,
}

/// Something was dropped, or not queued, for lack of room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// The class of what was lost; never [`Class::Must`].
    pub class: Class,
    /// Its feed.
    pub feed: FeedId,
    /// Its format.
    pub format: Format,
    /// How many messages it held.
    pub count: u32,
}

/// What became of a push.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is not; the losses say so.
    Lost,
    /// A [`Class::Must`] item found no room even after everything droppable was dropped.
    Full,
}

/// The queue. Holds no heap memory while empty.
#[derive(Debug)]
pub struct Outbox<T> {
    items: Queue<Item<T>>,
    /// The sum of the weights.
    bytes: usize,
    /// The sum of the weights of what may not be dropped.
    must_bytes: usize,
    /// The first item is partly gone (half a frame is on the wire): it may not be dropped.
    front_started: bool,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Outbox { items: Queue::Empty, bytes: 0, must_bytes: 0, front_started: false }
    }
}

impl<T> Outbox<T> {
    /// The weight of all that is queued, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The weight of what is queued and may not be dropped (replies, above all), in bytes.
    pub fn must_bytes(&self) -> usize {
        self.must_bytes
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is queued, the next one first.
    pub fn iter(&self) -> impl Iterator<Item = &Item<T>> {
        self.items.iter()
    }

    /// The next item.
    pub fn front(&self) -> Option<&Item<T>> {
        self.items.get(0)
    }

    /// Queues `item` behind the others, within `bytes_max`; what had to go is appended to `lost`.
    /// An item larger than the whole limit is queued if the queue is empty, so that nothing can be stuck for ever.
    pub fn push(&mut self, item: Item<T>, bytes_max: usize, lost: &mut Vec<Loss>) -> Pushed {
        let fits = |held: usize| held + item.weight <= bytes_max || held == 0;
        if !fits(self.bytes) {
            match item.class {
                Class::Must => {
                    self.drop_events(bytes_max.saturating_sub(item.weight), lost);
                    if !fits(self.bytes) {
                        self.drop_state(|_| true, lost);
                    }
                    if !fits(self.bytes) {
                        return Pushed::Full;
                    }
                }
                Class::State => {
                    self.drop_state(|queued| (queued.feed, queued.format) == (item.feed, item.format), lost);
                    note(lost, &item);
                    return Pushed::Lost;
                }
                Class::Events => {
                    self.drop_events(bytes_max.saturating_sub(item.weight), lost);
                    if !fits(self.bytes) {
                        note(lost, &item);
                        return Pushed::Lost;
                    }
                }
                Class::Entries => {
                    note(lost, &item);
                    return Pushed::Lost;
                }
            }
        }
        self.count_in(&item);
        self.items.push_back(item);
        Pushed::Queued
    }

    /// Drops everything but the first item if it is begun and, with `keep_must`, what may not be lost; then queues `last`,
    /// whatever the limit.
    pub fn finish(&mut self, keep_must: bool, last: Option<Item<T>>) {
        let begun = if self.front_started { self.pop() } else { None };
        let mut rest = std::mem::take(self);
        self.front_started = begun.is_some();
        let kept = std::iter::from_fn(|| rest.pop()).filter(|item| keep_must && item.class == Class::Must);
        for item in begun.into_iter().chain(kept).chain(last) {
            self.count_in(&item);
            self.items.push_back(item);
        }
    }

    /// Puts `item` before the first message of its feed that is not begun, or behind everything if there is none,
    /// whatever the limit: for the few bytes that tell of a loss.
    pub fn insert_before_events(&mut self, item: Item<T>) {
        let is_next = |i: &Item<T>| i.class == Class::Events && (i.feed, i.format) == (item.feed, item.format);
        let begun = usize::from(self.front_started);
        let at = self.items.iter().skip(begun).position(is_next).map_or(self.items.len(), |at| at + begun);
        self.count_in(&item);
        self.items.insert(at, item);
    }

    /// Marks the first item as begun: it will not be dropped any more.
    pub fn start_front(&mut self) {
        self.front_started = !self.items.is_empty();
    }

    /// Takes the first item.
    pub fn pop(&mut self) -> Option<Item<T>> {
        let item = self.items.pop_front()?;
        self.count_out(&item);
        self.front_started = false;
        Some(item)
    }

    /// Drops all messages of a feed, which nobody hears any more. Returns their weight.
    pub fn remove_events(&mut self, feed: FeedId, format: Format) -> usize {
        let before = self.bytes;
        let mut at = usize::from(self.front_started);
        while let Some(item) = self.items.get(at) {
            if item.class == Class::Events && (item.feed, item.format) == (feed, format) {
                self.remove(at, &mut Vec::new());
            } else {
                at += 1;
            }
        }
        before - self.bytes
    }

    /// Drops the oldest messages until at most `bytes_left` are queued or none are left to drop.
    fn drop_events(&mut self, bytes_left: usize, lost: &mut Vec<Loss>) {
        let mut at = usize::from(self.front_started);
        while self.bytes > bytes_left && at < self.items.len() {
            match self.items.get(at) {
                Some(item) if item.class == Class::Events => self.remove(at, lost),
                _ => at += 1,
            }
        }
    }

    /// Drops every queued state that `which` chooses.
    fn drop_state(&mut self, which: impl Fn(&Item<T>) -> bool, lost: &mut Vec<Loss>) {
        let mut at = usize::from(self.front_started);
        while at < self.items.len() {
            match self.items.get(at) {
                Some(item) if item.class == Class::State && which(item) => self.remove(at, lost),
                _ => at += 1,
            }
        }
    }

    fn remove(&mut self, at: usize, lost: &mut Vec<Loss>) {
        if let Some(item) = self.items.remove(at) {
            self.count_out(&item);
            note(lost, &item);
        }
    }

    fn count_in(&mut self, item: &Item<T>) {
        self.bytes += item.weight;
        self.must_bytes += if item.class == Class::Must { item.weight } else { 0 };
    }

    fn count_out(&mut self, item: &Item<T>) {
        self.bytes -= item.weight;
        self.must_bytes -= if item.class == Class::Must { item.weight } else { 0 };
    }
}

fn note<T>(lost: &mut Vec<Loss>, item: &Item<T>) {
    lost.push(Loss { class: item.class, feed: item.feed, format: item.format, count: item.count });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(class: Class, feed: u64, weight: usize) -> Item<u32> {
        Item { class, feed: FeedId(feed), format: Format::Native, count: 1, weight, body: 0 }
    }

    fn push(outbox: &mut Outbox<u32>, item: Item<u32>) -> (Pushed, Vec<(Class, u64)>) {
        let mut lost = Vec::new();
        let pushed = outbox.push(item, 100, &mut lost);
        (pushed, lost.iter().map(|l| (l.class, l.feed.0)).collect())
    }

    #[test]
    fn the_limit_is_the_last_byte_that_fits() {
        let mut outbox = Outbox::default();
        assert_eq!(push(&mut outbox, item(Class::Entries, 1, 60)).0, Pushed::Queued);
        assert_eq!(push(&mut outbox, item(Class::Entries, 1, 40)).0, Pushed::Queued);
        assert_eq!(push(&mut outbox, item(Class::Entries, 1, 1)), (Pushed::Lost, vec![(Class::Entries, 1)]));
        assert_eq!(outbox.bytes(), 100);
    }

    #[test]
    fn events_lose_their_oldest_and_spare_what_is_half_written() {
        let mut outbox = Outbox::default();
        for feed in 1..=4 {
            push(&mut outbox, item(Class::Events, feed, 25));
        }
        outbox.start_front();
        assert_eq!(
            push(&mut outbox, item(Class::Events, 5, 50)),
            (Pushed::Queued, vec![(Class::Events, 2), (Class::Events, 3)])
        );
        assert_eq!(outbox.iter().map(|i| i.feed.0).collect::<Vec<_>>(), [1, 4, 5]);
    }

    #[test]
    fn a_loss_is_told_where_it_was() {
        let mut outbox = Outbox::default();
        for (class, feed) in [(Class::Events, 1), (Class::Must, 0), (Class::Events, 1)] {
            push(&mut outbox, item(class, feed, 10));
        }
        outbox.start_front();
        outbox.insert_before_events(Item { body: 9, ..item(Class::Must, 1, 1) });
        outbox.insert_before_events(Item { body: 8, ..item(Class::Must, 2, 1) });
        assert_eq!(outbox.iter().map(|i| i.body).collect::<Vec<_>>(), [0, 0, 9, 0, 8]);
    }

    #[test]
    fn state_goes_with_all_of_its_feed() {
        let mut outbox = Outbox::default();
        for feed in [1, 2, 1] {
            push(&mut outbox, item(Class::State, feed, 30));
        }
        let (pushed, lost) = push(&mut outbox, item(Class::State, 1, 30));
        assert_eq!((pushed, lost.len()), (Pushed::Lost, 3));
        assert_eq!(outbox.iter().map(|i| i.feed.0).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_must_makes_room_or_says_that_there_is_none() {
        let mut outbox = Outbox::default();
        push(&mut outbox, item(Class::Events, 1, 30));
        push(&mut outbox, item(Class::State, 2, 30));
        push(&mut outbox, item(Class::Must, 0, 40));
        assert_eq!(push(&mut outbox, item(Class::Must, 0, 60)).0, Pushed::Queued);
        assert_eq!(push(&mut outbox, item(Class::Must, 0, 1)).0, Pushed::Full);
    }

    #[test]
    fn finishing_keeps_what_is_half_written_and_the_last_word() {
        let mut outbox = Outbox::default();
        for feed in 1..=3 {
            push(&mut outbox, item(Class::Events, feed, 30));
        }
        outbox.start_front();
        outbox.finish(false, Some(item(Class::Must, 9, 5)));
        assert_eq!((outbox.bytes(), outbox.must_bytes()), (35, 5));
        assert_eq!(outbox.iter().map(|i| i.feed.0).collect::<Vec<_>>(), [1, 9]);
        push(&mut outbox, item(Class::Events, 4, 30));
        outbox.finish(true, None);
        assert_eq!(outbox.iter().map(|i| i.feed.0).collect::<Vec<_>>(), [1, 9]);
    }

    #[test]
    fn an_item_over_the_limit_goes_alone() {
        let mut outbox = Outbox::default();
        assert_eq!(push(&mut outbox, item(Class::Must, 0, 500)).0, Pushed::Queued);
        assert_eq!(push(&mut outbox, item(Class::Events, 1, 1)).0, Pushed::Lost);
        assert!(outbox.pop().is_some() && outbox.bytes() == 0);
    }
}
