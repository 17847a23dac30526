//! What a topic is now.
//!
//! Each lane has one [`Live`]. It owns all topics whose home is that lane: live queries, channels, patterns and
//! streams. It knows no Redis, no encodings, no connections and no clock; it is told of openers, of the backend and
//! of time, and answers by [`Output`]s in a buffer that the caller gives.
//!
//! # How to drive it
//!
//! 1. [`Live::handle_open`] for somebody who wants to hear a feed. It is answered once, by [`Output::Opened`] or
//!    [`Output::Refused`], now or later. From `Opened` on the opener hears every [`Output::Event`] of the feed that
//!    comes after it: carry both along the same path.
//! 2. [`Output::Backend`] goes to the backend; [`Live::handle_backend`] takes what it tells. A backend that was out of
//!    reach tells `InvalidatedAll` and `Interrupted` before `Stale(false)`; while stale nothing is read, so it must
//!    find out by itself when it is in reach again.
//! 3. [`Live::next_timeout`] after every call; [`Live::handle_timeout`] at that time.
//! 4. [`Live::handle_abandoned`] when the last one who heard a feed is gone.
//! 5. A listener too slow for its feed asks for what it needs alone: [`Live::handle_resync`] for a query's newest
//!    value, [`Live::handle_catch_up`] for a stream's next entries.
//!
//! # What it promises
//!
//! A query is read once per change, however many hear it; equal answers publish nothing. Revisions of a feed rise by
//! one. A listener of a stream gets every entry once, or is told of a gap. What is shown while the backend is out of
//! reach is marked stale, and the mark goes only after what changed meanwhile.

#![forbid(unsafe_code)]

mod channel;
mod interface;
mod patch;
mod query;
mod shared;
mod stream;
mod value;

pub use interface::{Config, Counters, ListenerId, Open, OpenerId, Output};

use bytes::Bytes;
use channel::Channels;
use model::backend::{BackendEvent, ChannelName};
use model::{EntryId, FeedId, Time, Topic, WatchId};
use query::Queries;
use shared::{Owner, Reader, Shared, Want};
use stream::Streams;

/// The topics of one lane.
#[derive(Clone, Debug)]
pub struct Live {
    shared: Shared,
    queries: Queries,
    channels: Channels,
    streams: Streams,
}

impl Live {
    /// No topics yet.
    pub fn new(config: Config) -> Live {
        Live {
            shared: Shared::new(config),
            queries: Queries::default(),
            channels: Channels::default(),
            streams: Streams::default(),
        }
    }

    /// Somebody wants to hear a feed.
    pub fn handle_open(&mut self, open: Open, now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        shared.counters.waiting += 1;
        match open.key.topic.clone() {
            Topic::Query(query) => self.queries.open(query, open, now, shared, out),
            Topic::Stream(key) => self.streams.open(key, open, now, shared, out),
            Topic::Channel(name) => self.channels.open(ChannelName::Channel(name), open.opener, shared, out),
            Topic::Pattern(name) => self.channels.open(ChannelName::Pattern(name), open.opener, shared, out),
        }
        self.begin_reads(now, out);
    }

    /// Nobody hears the feed any more: it ends, and with its last feed the topic. Openers that wait are not meant:
    /// they get a feed with a new number.
    pub fn handle_abandoned(&mut self, feed: FeedId, now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        match shared.feeds.remove(&feed) {
            Some(Owner::Reader(Reader::Query(id))) => self.queries.abandon(id, feed, now, shared, out),
            Some(Owner::Reader(Reader::Stream(id))) => self.streams.abandon(id, feed, now, shared, out),
            Some(Owner::Channel(name)) => self.channels.abandon(name, shared, out),
            None => {}
        }
        self.begin_reads(now, out);
    }

    /// What a feed is of; none if it is over.
    pub fn topic(&self, feed: FeedId) -> Option<Topic> {
        Some(match self.shared.feeds.get(&feed)? {
            Owner::Reader(Reader::Query(id)) => Topic::Query(self.queries.query(*id)?.clone()),
            Owner::Reader(Reader::Stream(id)) => Topic::Stream(self.streams.key(*id)?.clone()),
            Owner::Channel(ChannelName::Channel(name)) => Topic::Channel(name.clone()),
            Owner::Channel(ChannelName::Pattern(name)) => Topic::Pattern(name.clone()),
        })
    }

    /// A listener of a query that skipped events wants the newest whole value: answered at once by
    /// [`Output::EventTo`] with the value (or the error) at the feed's revision, then with the stale mark, whichever
    /// it is. Of other feeds it gets the mark alone.
    pub fn handle_resync(&mut self, feed: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        match self.shared.feeds.get(&feed) {
            Some(&Owner::Reader(Reader::Query(id))) => self.queries.resync(id, feed, listener, out),
            Some(&Owner::Reader(Reader::Stream(id))) => self.streams.resync(id, feed, listener, out),
            Some(Owner::Channel(_)) => {
                let event = model::FeedEvent::Stale(self.shared.stale);
                out.push(Output::EventTo { listener, feed, event });
            }
            None => {}
        }
    }

    /// A listener of a stream that is behind the end, having everything up to `after`, wants the next entries:
    /// answered by [`Output::EventTo`] entries (a gap before them if there is one), then [`Output::CaughtUp`].
    /// One at a time per listener. If the feed ends first, only [`Output::Ended`] comes.
    pub fn handle_catch_up(
        &mut self,
        feed: FeedId,
        listener: ListenerId,
        after: EntryId,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if let Some(&Owner::Reader(Reader::Stream(id))) = self.shared.feeds.get(&feed) {
            self.streams.catch_up(id, feed, listener, after, now, &mut self.shared, out);
        }
        self.begin_reads(now, out);
    }

    /// The backend tells something. [`BackendEvent::Reply`] is not for this machine and ignored.
    pub fn handle_backend(&mut self, event: BackendEvent, now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        match event {
            BackendEvent::Value { watch, reply, expires_in } => {
                if let Some(Reader::Query(id)) = shared.answered(watch) {
                    self.queries.value(id, reply, expires_in, now, shared, out);
                }
            }
            BackendEvent::Range { watch, range } => {
                if let Some(Reader::Stream(id)) = shared.answered(watch) {
                    self.streams.range(id, watch, range, now, shared, out);
                }
            }
            BackendEvent::Invalidated { keys } => self.invalidated(&keys, now, out),
            BackendEvent::InvalidatedAll => {
                self.queries.invalidated_all(now, shared, out);
                self.streams.invalidated_all(now, shared, out);
            }
            BackendEvent::Subscribed { name } => self.channels.subscribed(name, shared, out),
            BackendEvent::SubscriptionRefused { name, error } => self.channels.refused(name, error, shared, out),
            BackendEvent::Message { name, channel, message } => {
                self.channels.message(name, channel, message, now, shared, out);
            }
            BackendEvent::Interrupted => self.channels.interrupted(out),
            BackendEvent::Stale(stale) => self.stale(stale, now, out),
            BackendEvent::Via(via) => shared.via = via,
            BackendEvent::Reply { .. } => {}
        }
        self.begin_reads(now, out);
    }

    fn invalidated(&mut self, keys: &[Bytes], now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        for key in keys {
            shared.counters.invalidations += 1;
            for user in shared.keys.users(key) {
                match user {
                    Reader::Query(id) => self.queries.invalidated(id, now, shared, out),
                    Reader::Stream(id) => self.streams.invalidated(id, now, shared, out),
                }
            }
        }
    }

    fn stale(&mut self, stale: bool, now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        if shared.stale == stale {
            return;
        }
        shared.stale = stale;
        shared.epoch += 1;
        self.channels.stale(stale, shared, out);
        self.queries.stale(stale, now, shared, out);
        self.streams.stale(stale, now, shared, out);
    }

    /// A feed that a read under way is for; none, if it is for one that is being opened, or for a stream.
    pub fn feed_of_read(&self, read: WatchId) -> Option<FeedId> {
        match self.shared.reader(read)? {
            Reader::Query(id) => self.queries.feed(id),
            Reader::Stream(_) => None,
        }
    }

    /// When [`Live::handle_timeout`] wants to be called next, unless something else happens first.
    pub fn next_timeout(&self) -> Option<Time> {
        [self.shared.timers.next(), self.channels.next_timeout()].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        self.channels.timeout(now, out);
        let shared = &mut self.shared;
        for reader in shared.timers.due(now) {
            match reader {
                Reader::Query(id) => self.queries.timeout(id, now, shared, out),
                Reader::Stream(id) => self.streams.timeout(id, now, shared, out),
            }
        }
        self.begin_reads(now, out);
    }

    /// Begins the reads that wait, as many as may be under way.
    fn begin_reads(&mut self, now: Time, out: &mut Vec<Output>) {
        let shared = &mut self.shared;
        while let Some(want) = shared.next_want() {
            match want {
                Want::Value(id) => self.queries.begin_read(id, now, shared, out),
                Want::Tail(id) => self.streams.begin_tail(id, now, shared, out),
                Want::CatchUp(id, number) => self.streams.begin_catch_up(id, number, now, shared, out),
            }
        }
    }

    /// What these feeds show, as a client would have asked for it; feeds that are not there are left out.
    pub fn describe(&self, feeds: impl Iterator<Item = FeedId>) -> Vec<(FeedId, &'static str, model::Args)> {
        let described = feeds.filter_map(|feed| {
            let (verb, words): (_, model::Args) = match self.topic(feed)? {
                Topic::Query(query) => ("live", query.command),
                Topic::Stream(key) => ("follow", [key].into()),
                Topic::Channel(name) => ("subscribe", [name].into()),
                Topic::Pattern(name) => ("psubscribe", [name].into()),
            };
            Some((feed, verb, words))
        });
        described.collect()
    }

    /// From now on these are the limits of [`Config`]; topics that are there already stay.
    pub fn set_limits(&mut self, limits: model::Limits) {
        self.shared.config.limits = limits;
    }

    /// Plain numbers for metrics.
    pub fn counters(&self) -> Counters {
        Counters {
            topics: self.shared.topics as u64,
            feeds: self.shared.feeds.len() as u64,
            reads_in_flight: self.shared.reads_in_flight() as u64,
            ..self.shared.counters
        }
    }
}
