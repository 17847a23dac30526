//! One command, read once per change: who waits for its value, and which feeds show it.

use super::feed::{Feed, Known, too_big};
use super::schedule::{Finished, Schedule};
use crate::interface::{ListenerId, OpenerId, Output};
use crate::shared::{Owner, Reader, Shared, Want, unavailable};
use model::backend::BackendRequest;
use model::feed::Tag;
use model::request::{Content, Opening, Via};
use model::topic::Query;
use model::{FeedEvent, FeedId, Pace, Reply, Time, WatchId};
use smallvec::SmallVec;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub id: WatchId,
    pub query: Query,
    /// As last read; none before the first answer.
    known: Option<Known>,
    schedule: Schedule,
    /// Openers whose read is not answered yet.
    waiting: Vec<Waiter>,
    /// At most one for each shape and pace; each is here as long as somebody hears it.
    feeds: SmallVec<[Feed; 1]>,
    /// The feeds were told that what they show may be old.
    told_stale: bool,
    timer: Option<Time>,
}

/// An opener that waits for a read.
#[derive(Clone, Debug)]
struct Waiter {
    wish: Wish,
    /// The number of the first read that will do.
    read: u64,
    /// It came while that read was under way: a change that is told before the answer may be one that the read missed.
    joined: bool,
}

/// What an opener wants of a watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub opener: OpenerId,
    pub json: bool,
    pub pace: Pace,
    pub have: Option<Tag>,
}

impl Watch {
    pub fn new(id: WatchId, query: Query) -> Watch {
        Watch {
            id,
            query,
            known: None,
            schedule: Schedule::default(),
            waiting: Vec::new(),
            feeds: SmallVec::new(),
            told_stale: false,
            timer: None,
        }
    }

    /// The first of its feeds.
    pub fn feed(&self) -> Option<FeedId> {
        self.feeds.first().map(|feed| feed.id)
    }

    /// Nobody hears it and nobody waits for it.
    pub fn is_idle(&self) -> bool {
        self.feeds.is_empty() && self.waiting.is_empty()
    }

    pub fn open(&mut self, wish: Wish, fresh: bool, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let known = !fresh && self.known.is_some() && self.schedule.is_clean(now);
        if known || shared.stale {
            return self.answer(wish, now, shared, out);
        }
        let under_way = self.schedule.reading().filter(|_| !fresh && !self.schedule.is_dirty());
        let read = under_way.unwrap_or(self.schedule.upcoming());
        self.waiting.push(Waiter { wish, read, joined: under_way.is_some() });
    }

    /// Something changed, or may have.
    pub fn soil(&mut self) {
        self.schedule.soil();
        // An opener that was here before a read began is content with that read, so under any stream of changes it
        // waits for one read; one that joined a read under way waits for one more.
        let upcoming = self.schedule.upcoming();
        for waiter in self.waiting.iter_mut().filter(|waiter| waiter.joined) {
            (waiter.read, waiter.joined) = (upcoming, false);
        }
    }

    /// It is this watch's turn to read.
    pub fn begin(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.schedule.begin(now, shared.epoch);
        shared.counters.reads += 1;
        let (command, keys) = (self.query.command.clone(), self.query.keys.clone());
        let read = BackendRequest::Read { watch: self.id, command, keys };
        shared.sent(self.id, Reader::Query(self.id), read, out);
    }

    /// The answer to the read under way; `None`: the backend was not ready.
    pub fn read(
        &mut self,
        reply: Option<Reply>,
        expires_in: Option<Duration>,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let Some(finished) = self.schedule.finish() else { return };
        let Some(reply) = reply else { return self.failed(now, shared, out) };
        self.schedule.succeeded(expires_in, now);
        match Known::news(reply, self.query.unordered, self.known.as_ref()) {
            None => shared.counters.unchanged += 1,
            Some(news) => {
                self.known = Some(news);
                self.feeds.iter_mut().for_each(|feed| feed.behind = true);
            }
        }
        self.show_due(now, shared, out);
        self.told_current(Some(finished), now, shared, out);
        for waiter in self.waiting.extract_if(.., |waiter| waiter.read <= finished.number).collect::<Vec<_>>() {
            self.answer(waiter.wish, now, shared, out);
        }
    }

    fn failed(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.schedule.failed(now);
        self.tell_stale(out);
        if self.schedule.retry().is_out_of_patience() {
            self.answer_all(now, shared, out);
        }
    }

    /// The backend is out of reach.
    pub fn lost(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        if self.query.polled {
            // Nothing tells of its changes, so it is current again only when it is read again.
            self.schedule.soil();
        }
        self.tell_stale(out);
        self.answer_all(now, shared, out);
    }

    /// The backend is in reach again: what is clean was current all the time.
    pub fn found(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        if self.schedule.is_clean(now) {
            self.told_current(None, now, shared, out);
        }
    }

    fn tell_stale(&mut self, out: &mut Vec<Output>) {
        if !std::mem::replace(&mut self.told_stale, true) {
            self.tell(FeedEvent::Stale(true), out);
        }
    }

    /// Tells that what the feeds show is current, if they were told otherwise and it is: nothing has changed, or this
    /// read was begun after the backend was in reach again.
    fn told_current(&mut self, read: Option<Finished>, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let is_recent = read.is_some_and(|read| read.epoch == shared.epoch);
        let is_current = is_recent || !self.schedule.is_dirty();
        if !self.told_stale || shared.stale || !is_current {
            return;
        }
        self.show(|_| true, now, shared, out);
        self.told_stale = false;
        self.tell(FeedEvent::Stale(false), out);
    }

    fn tell(&self, event: FeedEvent, out: &mut Vec<Output>) {
        out.extend(self.feeds.iter().map(|feed| Output::Event { feed: feed.id, event: event.clone() }));
    }

    /// Answers those who wait with what there is, though it is old.
    fn answer_all(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        for waiter in std::mem::take(&mut self.waiting) {
            self.answer(waiter.wish, now, shared, out);
        }
    }

    /// Opens the feed at what is known. Those who hear it already are shown that first, whatever their pace.
    fn answer(&mut self, wish: Wish, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let is_wished = |feed: &Feed| feed.json == wish.json && feed.pace == wish.pace;
        self.show(is_wished, now, shared, out);
        let Some(known) = &self.known else { return shared.refused(wish.opener, unavailable(), out) };
        if let Some(error) = known.refusal() {
            return shared.refused(wish.opener, error.clone(), out);
        }
        let at = match self.feeds.iter().position(is_wished) {
            Some(at) => at,
            None => {
                let shown = known.shown(wish.json);
                if shown.size() > shared.config.limits.value_bytes_max {
                    return shared.refused(wish.opener, too_big(), out);
                }
                let id = shared.begin_feed(Owner::Reader(Reader::Query(self.id)));
                self.feeds.push(Feed::new(id, wish.json, wish.pace, shown));
                self.feeds.len() - 1
            }
        };
        let feed = &self.feeds[at];
        let via = if self.query.polled { Via::Polling } else { shared.via };
        let state = Opening::Query { rev: feed.rev, via, content: feed.content(wish.have) };
        shared.opened(wish.opener, feed.id, state, self.told_stale, true, out);
    }

    /// Shows what is known in those feeds whose time has come.
    pub fn show_due(&mut self, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.show(|feed| feed.next <= now, now, shared, out);
    }

    fn show(&mut self, which: impl Fn(&Feed) -> bool, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        let Some(known) = &self.known else { return };
        let size_max = shared.config.limits.value_bytes_max;
        self.feeds.retain(|feed| {
            if !feed.behind || !which(feed) {
                return true;
            }
            match feed.show(known, size_max, now, &mut shared.counters) {
                Ok(event) => out.extend(event.map(|event| Output::Event { feed: feed.id, event })),
                Err(error) => {
                    shared.close_feed(feed.id, error, out);
                    return false;
                }
            }
            true
        });
    }

    pub fn resync(&self, id: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        let Some(feed) = self.feeds.iter().find(|feed| feed.id == id) else { return };
        for event in [feed.whole(), FeedEvent::Stale(self.told_stale)] {
            out.push(Output::EventTo { listener, feed: id, event });
        }
    }

    /// Nobody hears the feed any more.
    pub fn abandon(&mut self, id: FeedId) {
        self.feeds.retain(|feed| feed.id != id);
    }

    /// Asks for the next read if it is time for it, and sets the timer for what comes next.
    pub fn plan(&mut self, now: Time, shared: &mut Shared) {
        let interval = self.feeds.iter().map(|feed| feed.pace.interval()).min().unwrap_or_default();
        let mut due = self.schedule.due(interval, self.query.polled, !self.waiting.is_empty());
        if due.is_some_and(|at| at <= now) {
            self.schedule.queued();
            shared.want(Want::Value(self.id));
            due = None;
        }
        let show = self.feeds.iter().filter(|feed| feed.behind).map(|feed| feed.next).min();
        let next = due.into_iter().chain(show).min();
        shared.timers.set(Reader::Query(self.id), &mut self.timer, next);
    }

    /// Ends the watch.
    pub fn end(mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        let reader = Reader::Query(self.id);
        shared.timers.set(reader, &mut self.timer, None);
        shared.release_keys(&self.query.keys, reader, out);
        shared.topics -= 1;
    }
}

impl Feed {
    /// What an opener is shown that still has the value of this tag.
    fn content(&self, have: Option<Tag>) -> Content {
        match &self.shown {
            super::feed::Shown::Value(tag, _) if have == Some(*tag) => Content::Same(*tag),
            super::feed::Shown::Value(tag, value) => Content::Value(*tag, value.clone()),
            super::feed::Shown::Error(error) => Content::Error(error.clone()),
        }
    }
}
