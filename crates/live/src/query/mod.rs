//! Live queries.
//!
//! A *watch* is one command, read once per change; a *feed* is a watch in one shape (`json`) and pace, with revisions
//! of its own.
//!
//! ```text
//!  opens ──► Watch ─ plan ─► queue ─ begin ─► Read ──► backend
//!              ▲                                          │
//!   Invalidated, timers                                 Value
//!              │                                          ▼
//!            feeds ◄── show (at their pace) ── Known ◄── news?
//! ```

mod feed;
mod schedule;
mod watch;

use crate::interface::{ListenerId, Open, Output};
use crate::shared::{Reader, Shared};
use ahash::HashMap;
use model::topic::Query;
use model::{FeedId, Reply, Time, WatchId};
use std::time::Duration;
use watch::{Watch, Wish};

#[derive(Clone, Debug, Default)]
pub(crate) struct Queries {
    watches: HashMap<WatchId, Box<Watch>>,
    by_query: HashMap<Query, WatchId>,
}

impl Queries {
    pub fn open(&mut self, query: Query, open: Open, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let id = match self.by_query.get(&query) {
            Some(&id) => id,
            None => match shared.begin_topic() {
                Ok(()) => self.begin(query, shared),
                Err(error) => return shared.refused(open.opener, error, out),
            },
        };
        let wish = Wish { opener: open.opener, json: open.key.json, pace: open.key.pace, have: open.have };
        self.on(id, now, shared, out, |watch, shared, out| watch.open(wish, open.fresh, now, shared, out));
    }

    /// The query of a watch.
    pub fn query(&self, id: WatchId) -> Option<&Query> {
        Some(&self.watches.get(&id)?.query)
    }

    /// A feed that shows what this watch reads.
    pub fn feed(&self, id: WatchId) -> Option<FeedId> {
        self.watches.get(&id)?.feed()
    }

    fn begin(&mut self, query: Query, shared: &mut Shared) -> WatchId {
        let id = shared.watch_id();
        shared.keys.hold(&query.keys, Reader::Query(id));
        self.by_query.insert(query.clone(), id);
        self.watches.insert(id, Box::new(Watch::new(id, query)));
        id
    }

    /// Does something to a watch, and then what follows from it: the watch ends if nobody needs it, else it plans.
    fn on(
        &mut self,
        id: WatchId,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
        what: impl FnOnce(&mut Watch, &mut Shared, &mut Vec<Output>),
    ) {
        let Some(watch) = self.watches.get_mut(&id) else { return };
        what(watch, shared, out);
        if !watch.is_idle() {
            return watch.plan(now, shared);
        }
        if let Some(watch) = self.watches.remove(&id) {
            self.by_query.remove(&watch.query);
            watch.end(shared, out);
        }
    }

    /// Does something to all watches, in the order they were made.
    fn on_all(
        &mut self,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
        what: impl Fn(&mut Watch, &mut Shared, &mut Vec<Output>),
    ) {
        let mut ids: Vec<WatchId> = self.watches.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.on(id, now, shared, out, &what);
        }
    }

    pub fn abandon(&mut self, id: WatchId, feed: FeedId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |watch, _, _| watch.abandon(feed));
    }

    pub fn resync(&self, id: WatchId, feed: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        if let Some(watch) = self.watches.get(&id) {
            watch.resync(feed, listener, out);
        }
    }

    pub fn invalidated(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |watch, _, _| watch.soil());
    }

    pub fn invalidated_all(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on_all(now, shared, out, |watch, _, _| watch.soil());
    }

    pub fn begin_read(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |watch, shared, out| watch.begin(now, shared, out));
    }

    pub fn value(
        &mut self,
        id: WatchId,
        reply: Option<Reply>,
        expires_in: Option<Duration>,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        self.on(id, now, shared, out, |watch, shared, out| watch.read(reply, expires_in, now, shared, out));
    }

    pub fn stale(&mut self, stale: bool, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on_all(now, shared, out, |watch, shared, out| match stale {
            true => watch.lost(now, shared, out),
            false => watch.found(now, shared, out),
        });
    }

    pub fn timeout(&mut self, id: WatchId, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.on(id, now, shared, out, |watch, shared, out| watch.show_due(now, shared, out));
    }
}
