//! Followed streams.
//!
//! ```text
//!   entries   1 2 3 4 5 6 7 8
//!                 ▲         ▲ tail.end: all who hear the feed's events stand here
//!                 └ a listener behind has a place of its own, and asks for what follows it
//! ```

mod recent;
mod tail;
mod topic;

use crate::interface::{ListenerId, Open, Output};
use crate::shared::{Reader, Shared};
use ahash::HashMap;
use bytes::Bytes;
use model::request::From;
use model::stream::StreamRange;
use model::{EntryId, Error, FeedId, Time, WatchId};
use topic::Stream;

#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    streams: HashMap<WatchId, Box<Stream>>,
    by_key: HashMap<Bytes, WatchId>,
}

impl Streams {
    pub fn open(&mut self, key: Bytes, open: Open, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let id = match self.by_key.get(&key) {
            Some(&id) => id,
            None => match shared.begin_topic() {
                Ok(()) => self.begin(key, shared),
                Err(error) => return shared.refused(open.opener, error, out),
            },
        };
        let from = open.from.unwrap_or(From::End);
        self.on(id, now, shared, out, |stream, shared, out| stream.open(open.opener, from, open.fresh, shared, out));
    }

    /// The key of a stream.
    pub fn key(&self, id: WatchId) -> Option<&Bytes> {
        Some(&self.streams.get(&id)?.key)
    }

    fn begin(&mut self, key: Bytes, shared: &mut Shared) -> WatchId {
        let id = shared.watch_id();
        shared.keys.hold(std::slice::from_ref(&key), Reader::Stream(id));
        self.by_key.insert(key.clone(), id);
        self.streams.insert(id, Box::new(Stream::new(id, key)));
        id
    }

    /// Does something to a stream, and then what follows from it: it ends if nobody needs it, else it plans.
    fn on(
        &mut self,
        id: WatchId,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
        what: impl FnOnce(&mut Stream, &mut Shared, &mut Vec<Output>),
    ) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        what(stream, shared, out);
        if !stream.is_idle() {
            return stream.plan(now, shared);
        }
        if let Some(stream) = self.streams.remove(&id) {
            self.by_key.remove(&stream.key);
            stream.end(shared, out);
        }
    }

    /// Does something to all streams, in the order they were first followed.
    fn on_all(
        &mut self,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
        what: impl Fn(&mut Stream, &mut Shared, &mut Vec<Output>),
    ) {
        let mut ids: Vec<WatchId> = self.streams.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.on(id, now, shared, out, &what);
        }
    }

    pub fn abandon(&mut self, id: WatchId, feed: FeedId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |stream, _, _| stream.abandon(feed));
    }

    pub fn resync(&self, id: WatchId, feed: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        if let Some(stream) = self.streams.get(&id) {
            stream.resync(feed, listener, out);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "who asks, for what, and the three that every handler has")]
    pub fn catch_up(
        &mut self,
        id: WatchId,
        feed: FeedId,
        listener: ListenerId,
        after: EntryId,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        self.on(id, now, shared, out, |stream, shared, out| stream.catch_up(feed, listener, after, shared, out));
    }

    pub fn invalidated(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |stream, shared, _| stream.soil(shared));
    }

    pub fn invalidated_all(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on_all(now, shared, out, |stream, shared, _| stream.distrust(shared));
    }

    pub fn begin_tail(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |stream, shared, out| stream.begin_tail(shared, out));
    }

    pub fn begin_catch_up(&mut self, id: WatchId, number: u64, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |stream, shared, out| stream.begin_catch_up(number, shared, out));
    }

    pub fn range(
        &mut self,
        id: WatchId,
        read: WatchId,
        answer: Option<Result<StreamRange, Error>>,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        self.on(id, now, shared, out, |stream, shared, out| stream.read(read, answer, now, shared, out));
    }

    pub fn stale(&mut self, stale: bool, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on_all(now, shared, out, |stream, shared, out| match stale {
            true => stream.lost(shared, out),
            false => stream.found(shared, out),
        });
    }

    pub fn timeout(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |_, _, _| ());
    }
}
