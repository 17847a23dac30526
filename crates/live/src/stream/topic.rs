//! One followed stream: those at its end share one read, those behind read for themselves.
//!
//! Everybody who hears the feed's events stands at `tail.end`. Whatever read reaches beyond it, though it be one for a
//! listener behind, first goes to them and moves the end: so a listener that has caught up joins exactly there, and no
//! entry comes twice or is left out. Answers may overtake one another; one that is older than another tells nothing
//! about the end.

use super::recent::Recent;
use super::tail::{Gap, News, Tail, is_after_place, reach};
use crate::interface::{ListenerId, OpenerId, Output};
use crate::shared::{Owner, Reader, Retry, Shared, Want, unavailable};
use bytes::Bytes;
use model::backend::BackendRequest;
use model::request::{From, Opening};
use model::stream::StreamRange;
use model::{EntryId, Error, FeedEvent, FeedId, Time, WatchId};

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    id: WatchId,
    pub key: Bytes,
    /// One for all who follow; none before the first has opened it.
    feed: Option<FeedId>,
    /// None before the first answer.
    tail: Option<Tail>,
    /// What came last before the tail's end.
    recent: Recent,
    /// Of the read of what comes after the tail.
    phase: Phase,
    /// There may be something after the tail.
    dirty: bool,
    retry: Retry,
    /// The newest read that was answered.
    newest: WatchId,
    waiting: Vec<Waiter>,
    catch_ups: Vec<CatchUp>,
    /// The feed was told that what it has may be old.
    told_stale: bool,
    timer: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Idle,
    Queued,
    Reading(TailRead),
}

#[derive(Clone, Copy, Debug)]
struct TailRead {
    read: WatchId,
    after: Option<EntryId>,
    epoch: u64,
}

/// An opener that waits for a read.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    opener: OpenerId,
    from: From,
    /// The first read that will do.
    read: WatchId,
    /// It came while that read was under way: a change that is told before the answer may be one that the read missed.
    joined: bool,
}

/// A listener behind that wants entries.
#[derive(Clone, Debug)]
struct CatchUp {
    number: u64,
    listener: ListenerId,
    after: EntryId,
    phase: CatchUpPhase,
    /// The read begins with the entry at `after`, to see that it is there: the place is older than what is known here.
    with_place: bool,
    retry: Retry,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CatchUpPhase {
    Queued,
    Reading(WatchId),
    /// The backend was not ready.
    Retrying,
}

/// Whose read was answered.
enum Answered {
    Tail(TailRead),
    CatchUp(CatchUp),
}

impl Stream {
    pub fn new(id: WatchId, key: Bytes) -> Stream {
        Stream {
            id,
            key,
            feed: None,
            tail: None,
            recent: Recent::default(),
            phase: Phase::Idle,
            dirty: false,
            retry: Retry::default(),
            newest: WatchId(0),
            waiting: Vec::new(),
            catch_ups: Vec::new(),
            told_stale: false,
            timer: None,
        }
    }

    /// Nobody follows it and nobody waits for it.
    pub fn is_idle(&self) -> bool {
        self.feed.is_none() && self.waiting.is_empty()
    }

    pub fn open(&mut self, opener: OpenerId, from: From, fresh: bool, shared: &mut Shared, out: &mut Vec<Output>) {
        let is_end_known = shared.stale || (!fresh && self.is_clean());
        if let Some(place) = self.place(from, is_end_known) {
            return self.opened(opener, place, shared, out);
        }
        if shared.stale {
            return shared.refused(opener, unavailable(), out);
        }
        let under_way = match self.phase {
            Phase::Reading(tail) if !fresh && !self.dirty => Some(tail.read),
            _ => None,
        };
        let read = under_way.unwrap_or(shared.upcoming());
        self.waiting.push(Waiter { opener, from, read, joined: under_way.is_some() });
    }

    /// Where an opener begins, if what is known is enough to say so.
    fn place(&self, from: From, is_end_known: bool) -> Option<EntryId> {
        let end = self.tail.as_ref()?.end;
        match from {
            From::After(id) => (id <= end).then_some(id),
            From::End => is_end_known.then_some(end),
        }
    }

    fn opened(&mut self, opener: OpenerId, from: EntryId, shared: &mut Shared, out: &mut Vec<Output>) {
        let owner = Owner::Reader(Reader::Stream(self.id));
        let feed = *self.feed.get_or_insert_with(|| shared.begin_feed(owner));
        let at_end = self.tail.as_ref().is_some_and(|tail| tail.end == from);
        shared.opened(opener, feed, Opening::Stream { from }, self.told_stale, at_end, out);
    }

    fn is_clean(&self) -> bool {
        matches!(self.phase, Phase::Idle) && !self.dirty && self.tail.is_some()
    }

    /// Anything may have happened to the stream.
    pub fn distrust(&mut self, shared: &mut Shared) {
        self.forget(shared);
        self.soil(shared);
    }

    fn forget(&mut self, shared: &mut Shared) {
        let end = self.tail.as_ref().map_or(EntryId::MIN, |tail| tail.end);
        self.recent.begin_at(end, &mut shared.recent_bytes);
    }

    /// The stream changed, or may have.
    pub fn soil(&mut self, shared: &Shared) {
        self.dirty = true;
        for waiter in self.waiting.iter_mut().filter(|waiter| waiter.joined) {
            (waiter.read, waiter.joined) = (shared.upcoming(), false);
        }
    }

    pub fn catch_up(
        &mut self,
        feed: FeedId,
        listener: ListenerId,
        after: EntryId,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let Some(tail) = self.tail.as_ref().filter(|_| self.feed == Some(feed)) else { return };
        if tail.end == after {
            return out.push(Output::CaughtUp { listener, feed, position: after, at_end: true });
        }
        // Who came to a place before this stream was known here may have come to it in another one.
        if (tail.has_watched(after) || self.recent.has(after))
            && tail.lost_up_to <= after
            && let Some(entries) = self.recent.after(after, shared.config.range_bytes)
        {
            let position = entries.last().map_or(tail.end, |last| last.id);
            if !entries.is_empty() {
                out.push(Output::EventTo { listener, feed, event: FeedEvent::Entries(entries) });
            }
            return out.push(Output::CaughtUp { listener, feed, position, at_end: position == tail.end });
        }
        let number = shared.watch_id().0;
        let (phase, retry) = (CatchUpPhase::Queued, Retry::default());
        let with_place = after > EntryId::MIN && !tail.has_watched(after);
        self.catch_ups.push(CatchUp { number, listener, after, phase, with_place, retry });
        shared.want(Want::CatchUp(self.id, number));
    }

    /// It is this stream's turn to read what comes after its tail.
    pub fn begin_tail(&mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        let after = self.tail.as_ref().map(|tail| tail.end);
        let read = self.send(after, shared, out);
        self.phase = Phase::Reading(TailRead { read, after, epoch: shared.epoch });
        self.dirty = false;
    }

    /// It is this catch-up's turn to read.
    pub fn begin_catch_up(&mut self, number: u64, shared: &mut Shared, out: &mut Vec<Output>) {
        let Some(at) = self.catch_ups.iter().position(|catch_up| catch_up.number == number) else { return };
        let CatchUp { after, with_place, .. } = self.catch_ups[at];
        let read = self.send(Some(if with_place { before(after) } else { after }), shared, out);
        self.catch_ups[at].phase = CatchUpPhase::Reading(read);
    }

    fn send(&mut self, after: Option<EntryId>, shared: &mut Shared, out: &mut Vec<Output>) -> WatchId {
        let read = shared.watch_id();
        shared.counters.ranges += 1;
        let (stream, bytes_max) = (self.key.clone(), shared.config.range_bytes);
        let request = BackendRequest::Range { watch: read, stream, after, bytes_max };
        shared.sent(read, Reader::Stream(self.id), request, out);
        read
    }

    /// The answer to one of this stream's reads; `None`: the backend was not ready.
    pub fn read(
        &mut self,
        read: WatchId,
        answer: Option<Result<StreamRange, Error>>,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let Some(whose) = self.whose(read) else { return };
        let is_newest = read > self.newest;
        if is_newest {
            self.newest = read;
        }
        match answer {
            Some(Ok(range)) => self.arrived(read, whose, range, is_newest, shared, out),
            Some(Err(error)) if is_newest => self.broken(error, shared, out),
            // Of an error that is history nothing follows but that the read is to be done again.
            Some(Err(_)) => self.again(whose, None),
            None => self.failed(whose, now, shared, out),
        }
    }

    fn whose(&mut self, read: WatchId) -> Option<Answered> {
        if let Phase::Reading(tail) = self.phase
            && tail.read == read
        {
            self.phase = Phase::Idle;
            return Some(Answered::Tail(tail));
        }
        let is_its = |catch_up: &CatchUp| catch_up.phase == CatchUpPhase::Reading(read);
        let at = self.catch_ups.iter().position(is_its)?;
        Some(Answered::CatchUp(self.catch_ups.remove(at)))
    }

    fn again(&mut self, whose: Answered, failed_at: Option<Time>) {
        match whose {
            Answered::Tail(_) => {
                self.dirty = true;
                failed_at.into_iter().for_each(|now| self.retry.failed(now));
            }
            Answered::CatchUp(mut catch_up) => {
                catch_up.phase = CatchUpPhase::Retrying;
                failed_at.into_iter().for_each(|now| catch_up.retry.failed(now));
                self.catch_ups.push(catch_up);
            }
        }
    }

    fn failed(&mut self, whose: Answered, now: Time, shared: &mut Shared, out: &mut Vec<Output>) {
        self.again(whose, Some(now));
        self.tell_stale(out);
        if self.retry.is_out_of_patience() {
            self.answer_all(shared, out);
        }
    }

    /// The key holds no stream.
    fn broken(&mut self, error: Error, shared: &mut Shared, out: &mut Vec<Output>) {
        self.close(error.clone(), shared, out);
        for waiter in std::mem::take(&mut self.waiting) {
            shared.refused(waiter.opener, error.clone(), out);
        }
    }

    fn close(&mut self, error: Error, shared: &mut Shared, out: &mut Vec<Output>) {
        self.catch_ups.clear();
        if let Some(feed) = self.feed.take() {
            shared.close_feed(feed, error, out);
        }
    }

    fn arrived(
        &mut self,
        read: WatchId,
        whose: Answered,
        mut range: StreamRange,
        is_newest: bool,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        self.retry = Retry::default();
        let (after, is_tail) = match &whose {
            Answered::Tail(tail) => (tail.after, true),
            Answered::CatchUp(catch_up) => (Some(catch_up.after), false),
        };
        let is_place_found = !is_tail && range.entries.first().is_some_and(|entry| Some(entry.id) == after);
        if is_place_found {
            range.entries.remove(0);
        }
        if is_newest {
            self.see(&mut range, after, is_tail, shared, out);
        }
        // Of a stream's end alone, nothing can be left to read.
        let is_whole = after.is_none() || !range.more;
        let is_current = match whose {
            Answered::Tail(tail) => {
                // What was overtaken was not looked at, and may have known more.
                self.dirty |= !is_whole || !is_newest;
                is_whole && is_newest && tail.epoch == shared.epoch
            }
            Answered::CatchUp(catch_up) => {
                self.caught_up(catch_up, range, is_place_found, is_newest, shared, out);
                false
            }
        };
        if is_newest {
            self.answer_ready(read, is_whole, shared, out);
        }
        self.told_current(is_current, shared, out);
    }

    /// What a read newer than all before says about the stream's end. What is beyond it goes to those who stand there.
    fn see(
        &mut self,
        range: &mut StreamRange,
        after: Option<EntryId>,
        is_tail: bool,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let (Some(tail), Some(after)) = (&mut self.tail, after) else {
            let tail = self.tail.insert(Tail::at(range));
            return self.recent.begin_at(tail.end, &mut shared.recent_bytes);
        };
        let news = tail.see(range, after);
        match &news {
            // A change without a new entry: something was removed, or made again.
            News::Entries { from, gap: None } if !is_tail || *from < range.entries.len() => {
                self.recent.forget_up_to(range.removed_up_to, &mut shared.recent_bytes);
                self.recent.add(&range.entries[*from..], &mut shared.recent_bytes);
            }
            _ => self.recent.begin_at(tail.end, &mut shared.recent_bytes),
        }
        let (from, gap) = match news {
            News::Entries { from, gap } => (from, gap),
            News::Reset => return self.close(reset(), shared, out),
        };
        let Some(feed) = self.feed else { return };
        out.extend(gap.map(|gap| Output::Event { feed, event: gap.event() }));
        let entries = if is_tail { range.entries.split_off(from) } else { range.entries[from..].to_vec() };
        if !entries.is_empty() {
            shared.counters.entries += entries.len() as u64;
            out.push(Output::Event { feed, event: FeedEvent::Entries(entries) });
        }
    }

    /// Gives a listener behind what was read for it.
    fn caught_up(
        &mut self,
        catch_up: CatchUp,
        mut range: StreamRange,
        is_place_found: bool,
        is_newest: bool,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let CatchUp { listener, after, with_place, .. } = catch_up;
        let (Some(feed), Some(tail)) = (self.feed, &self.tail) else { return };
        if range.more && range.entries.is_empty() {
            // There was room for the entry at its place only.
            return self.again(Answered::CatchUp(CatchUp { with_place: false, ..catch_up }), None);
        }
        let is_another = with_place && is_after_place(&range, after, is_place_found);
        // An answer that was overtaken may reach beyond the end: the listener joins at the end all the same.
        let position = reach(&range, after).min(tail.end).max(after);
        range.entries.retain(|entry| entry.id <= position);
        if is_another || after < range.removed_up_to.max(tail.lost_up_to) {
            let first = range.entries.iter().map(|entry| entry.id).find(|id| *id > range.removed_up_to);
            let gap = Gap { after, first };
            out.push(Output::EventTo { listener, feed, event: gap.event() });
        } else if is_newest && position == tail.end {
            self.recent.reach_back(after, is_place_found, &range.entries, &mut shared.recent_bytes);
        }
        if !range.entries.is_empty() {
            out.push(Output::EventTo { listener, feed, event: FeedEvent::Entries(range.entries) });
        }
        out.push(Output::CaughtUp { listener, feed, position, at_end: position == tail.end });
    }

    /// Answers the openers for whom this read was enough; `is_whole`: it reached the end.
    fn answer_ready(&mut self, read: WatchId, is_whole: bool, shared: &mut Shared, out: &mut Vec<Output>) {
        for waiter in std::mem::take(&mut self.waiting) {
            let is_end_known = is_whole && read >= waiter.read;
            match self.place(waiter.from, is_end_known) {
                Some(place) => self.opened(waiter.opener, place, shared, out),
                None if is_end_known => shared.refused(waiter.opener, reset(), out),
                None => self.waiting.push(waiter),
            }
        }
    }

    /// Answers all openers with what there is, though it is old.
    fn answer_all(&mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        for waiter in std::mem::take(&mut self.waiting) {
            match self.place(waiter.from, true) {
                Some(place) => self.opened(waiter.opener, place, shared, out),
                None => shared.refused(waiter.opener, unavailable(), out),
            }
        }
    }

    /// The backend is out of reach.
    pub fn lost(&mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        self.forget(shared);
        self.tell_stale(out);
        self.answer_all(shared, out);
    }

    /// The backend is in reach again: what is clean was current all the time.
    pub fn found(&mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        self.told_current(false, shared, out);
    }

    fn tell_stale(&mut self, out: &mut Vec<Output>) {
        if !std::mem::replace(&mut self.told_stale, true) {
            self.tell(FeedEvent::Stale(true), out);
        }
    }

    /// Tells that those at the end have everything, if they were told otherwise and it is so: nothing has changed, or
    /// a read reached the end that was begun after the backend was in reach again (`is_current`).
    fn told_current(&mut self, is_current: bool, shared: &Shared, out: &mut Vec<Output>) {
        if self.told_stale && !shared.stale && (is_current || self.is_clean()) {
            self.told_stale = false;
            self.tell(FeedEvent::Stale(false), out);
        }
    }

    fn tell(&self, event: FeedEvent, out: &mut Vec<Output>) {
        out.extend(self.feed.map(|feed| Output::Event { feed, event }));
    }

    pub fn resync(&self, feed: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        if self.feed == Some(feed) {
            out.push(Output::EventTo { listener, feed, event: FeedEvent::Stale(self.told_stale) });
        }
    }

    /// Nobody hears the feed any more.
    pub fn abandon(&mut self, feed: FeedId) {
        if self.feed == Some(feed) {
            self.feed = None;
            self.catch_ups.clear();
        }
    }

    /// Asks for the reads whose time has come, and sets the timer for the next one.
    pub fn plan(&mut self, now: Time, shared: &mut Shared) {
        let mut next = None;
        let is_wanted = self.dirty || !self.waiting.is_empty();
        if is_wanted && matches!(self.phase, Phase::Idle) {
            if self.retry.at() <= now {
                self.phase = Phase::Queued;
                shared.want(Want::Tail(self.id));
            } else {
                next = Some(self.retry.at());
            }
        }
        for catch_up in self.catch_ups.iter_mut().filter(|c| c.phase == CatchUpPhase::Retrying) {
            if catch_up.retry.at() <= now {
                catch_up.phase = CatchUpPhase::Queued;
                shared.want(Want::CatchUp(self.id, catch_up.number));
            } else {
                let at = catch_up.retry.at();
                next = Some(next.map_or(at, |next: Time| next.min(at)));
            }
        }
        shared.timers.set(Reader::Stream(self.id), &mut self.timer, next);
    }

    /// Ends the topic.
    pub fn end(mut self, shared: &mut Shared, out: &mut Vec<Output>) {
        let reader = Reader::Stream(self.id);
        shared.timers.set(reader, &mut self.timer, None);
        self.recent.begin_at(EntryId::MIN, &mut shared.recent_bytes);
        shared.release_keys(&[self.key], reader, out);
        shared.topics -= 1;
    }
}

impl Gap {
    fn event(self) -> FeedEvent {
        FeedEvent::Gap { after: self.after, first: self.first }
    }
}

/// The id before this one, which is not the first.
fn before(id: EntryId) -> EntryId {
    match id.seq.checked_sub(1) {
        Some(seq) => EntryId { ms: id.ms, seq },
        None => EntryId { ms: id.ms - 1, seq: u64::MAX },
    }
}

fn reset() -> Error {
    Error::new(model::error::RESET, "the stream ends before this place now")
}
