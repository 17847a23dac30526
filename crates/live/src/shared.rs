//! What the machines of one lane's topics share: numbers, timers, who uses which key, and the reads at the backend.

use crate::interface::{Config, Counters, OpenerId, Output};
use ahash::HashMap;
use bytes::Bytes;
use model::backend::{BackendRequest, ChannelName};
use model::request::{Opening, Via};
use model::{Error, FeedId, Time, WatchId};
use smallvec::SmallVec;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A topic that reads: a watch of a query, or a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Reader {
    Query(WatchId),
    Stream(WatchId),
}

/// Whose feed it is.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    Reader(Reader),
    Channel(ChannelName),
}

/// A read that waits for its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    /// A query's value.
    Value(WatchId),
    /// What a stream has after the end that is known.
    Tail(WatchId),
    /// What a stream has for a listener behind: the stream, and the catch-up's own number.
    CatchUp(WatchId, u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub config: Config,
    /// `topics`, `feeds` and `reads_in_flight` are filled in when asked for.
    pub counters: Counters,
    /// The backend is out of reach: no read is begun.
    pub stale: bool,
    /// How the backend notices changes.
    pub via: Via,
    /// Rises whenever `stale` changes: tells whether a read was begun before or after.
    pub epoch: u64,
    pub timers: Timers,
    pub keys: Keys,
    /// Queries, channels, patterns and streams.
    pub topics: usize,
    /// What is kept of all streams' last entries, in bytes.
    pub recent_bytes: usize,
    /// Every feed and whose it is.
    pub feeds: HashMap<FeedId, Owner>,
    /// Reads that wait for their turn, in the order they were wanted.
    queue: VecDeque<Want>,
    /// Reads at the backend, by the number that their answer carries.
    in_flight: HashMap<WatchId, Reader>,
    next_feed: u64,
    next_watch: u64,
}

impl Shared {
    pub fn new(config: Config) -> Shared {
        Shared {
            next_feed: config.first_feed,
            next_watch: 1,
            config,
            counters: Counters::default(),
            stale: false,
            via: Via::Tracking,
            epoch: 0,
            timers: Timers::default(),
            keys: Keys::default(),
            topics: 0,
            recent_bytes: 0,
            feeds: HashMap::default(),
            queue: VecDeque::new(),
            in_flight: HashMap::default(),
        }
    }

    /// A number for a watch, a stream or one read of a stream: they rise, so a later read has a higher one.
    pub fn watch_id(&mut self) -> WatchId {
        self.next_watch += 1;
        WatchId(self.next_watch - 1)
    }

    /// The number that the next read or watch will get.
    pub fn upcoming(&self) -> WatchId {
        WatchId(self.next_watch)
    }

    pub fn begin_feed(&mut self, owner: Owner) -> FeedId {
        let feed = FeedId(self.next_feed);
        self.next_feed += self.config.feed_step;
        self.feeds.insert(feed, owner);
        feed
    }

    /// The server ends the feed.
    pub fn close_feed(&mut self, feed: FeedId, error: Error, out: &mut Vec<Output>) {
        out.push(Output::Event { feed, event: model::FeedEvent::Closed(error) });
        out.push(Output::Ended { feed });
        self.feeds.remove(&feed);
    }

    /// Room for one more topic, or the error that says there is none.
    pub fn begin_topic(&mut self) -> Result<(), Error> {
        if self.topics >= self.config.limits.topics_max {
            return Err(Error::new(model::error::TOOMANY, "topics_max of the node is reached"));
        }
        self.topics += 1;
        Ok(())
    }

    pub fn opened(
        &mut self,
        opener: OpenerId,
        feed: FeedId,
        state: Opening,
        stale: bool,
        at_end: bool,
        out: &mut Vec<Output>,
    ) {
        self.counters.waiting -= 1;
        out.push(Output::Opened { opener, feed, state, stale, at_end });
    }

    pub fn refused(&mut self, opener: OpenerId, error: Error, out: &mut Vec<Output>) {
        self.counters.waiting -= 1;
        out.push(Output::Refused { opener, error });
    }

    pub fn want(&mut self, want: Want) {
        self.queue.push_back(want);
    }

    /// The next read that may begin now.
    pub fn next_want(&mut self) -> Option<Want> {
        let room = self.in_flight.len() < self.config.reads_in_flight_max.max(1);
        if self.stale || !room { None } else { self.queue.pop_front() }
    }

    pub fn sent(&mut self, read: WatchId, reader: Reader, request: BackendRequest, out: &mut Vec<Output>) {
        self.in_flight.insert(read, reader);
        out.push(Output::Backend(request));
    }

    /// Whose a read under way is.
    pub fn reader(&self, read: WatchId) -> Option<Reader> {
        self.in_flight.get(&read).copied()
    }

    /// The answer to a read is here: whose it was; none if there was no such read.
    pub fn answered(&mut self, read: WatchId) -> Option<Reader> {
        self.in_flight.remove(&read)
    }

    pub fn reads_in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The reader uses these keys no more; those that nobody uses are forgotten upstream.
    pub fn release_keys(&mut self, keys: &[Bytes], reader: Reader, out: &mut Vec<Output>) {
        let unused = self.keys.release(keys, reader);
        if !unused.is_empty() {
            out.push(Output::Backend(BackendRequest::Forget { keys: Arc::from(unused) }));
        }
    }
}

/// The error where nothing is known and the backend cannot be asked.
pub(crate) fn unavailable() -> Error {
    Error::new(model::error::UNAVAILABLE, "the backend is out of reach")
}

/// Each reader has at most one timer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Time, Reader)>);

impl Timers {
    /// Moves the reader's timer from where `current` says it is to `new`.
    pub fn set(&mut self, reader: Reader, current: &mut Option<Time>, new: Option<Time>) {
        if *current == new {
            return;
        }
        if let Some(at) = *current {
            self.0.remove(&(at, reader));
        }
        if let Some(at) = new {
            self.0.insert((at, reader));
        }
        *current = new;
    }

    pub fn next(&self) -> Option<Time> {
        self.0.first().map(|&(at, _)| at)
    }

    /// A reader whose time has come; its timer stays until it is set anew.
    pub fn due(&self, now: Time) -> Vec<Reader> {
        self.0.iter().take_while(|&&(at, _)| at <= now).map(|&(_, reader)| reader).collect()
    }
}

/// Who uses which key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(HashMap<Bytes, SmallVec<[Reader; 1]>>);

impl Keys {
    pub fn hold(&mut self, keys: &[Bytes], reader: Reader) {
        for key in keys {
            let users = self.0.entry(key.clone()).or_default();
            // A command may name a key twice.
            if !users.contains(&reader) {
                users.push(reader);
            }
        }
    }

    fn release(&mut self, keys: &[Bytes], reader: Reader) -> Vec<Bytes> {
        let mut unused = Vec::new();
        for key in keys {
            let Some(users) = self.0.get_mut(key) else { continue };
            users.retain(|user| *user != reader);
            if users.is_empty() {
                self.0.remove(key);
                unused.push(key.clone());
            }
        }
        unused
    }

    pub fn users(&self, key: &Bytes) -> SmallVec<[Reader; 1]> {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

/// When to try again what the backend was not ready for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    at: Option<Time>,
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(1);
    /// Openers wait through so many failures, then they are told.
    const PATIENCE: u32 = 4;

    pub fn failed(&mut self, now: Time) {
        let wait = Retry::FIRST.saturating_mul(1 << self.failures.min(8)).min(Retry::LAST);
        self.failures += 1;
        self.at = Some(now + wait);
    }

    /// Not before this moment.
    pub fn at(&self) -> Time {
        self.at.unwrap_or(Time::ZERO)
    }

    pub fn is_out_of_patience(&self) -> bool {
        self.failures >= Retry::PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_forgotten_with_its_last_user() {
        let (a, b) = (Reader::Query(WatchId(1)), Reader::Stream(WatchId(2)));
        let mut keys = Keys::default();
        keys.hold(&["x".into(), "x".into(), "y".into()], a);
        keys.hold(&["x".into()], b);
        assert_eq!(keys.release(&["x".into(), "x".into(), "y".into()], a), ["y"]);
        assert_eq!(keys.release(&["x".into()], b), ["x"]);
        assert!(keys.0.is_empty());
    }

    #[test]
    fn failures_are_retried_ever_later_up_to_a_second() {
        let mut retry = Retry::default();
        let waits: Vec<u64> = (0..12)
            .map(|_| {
                retry.failed(Time::ZERO);
                retry.at().0 / 1000
            })
            .collect();
        assert_eq!(waits[..6], [50, 100, 200, 400, 800, 1000]);
        assert_eq!(waits[11], 1000);
    }
}
