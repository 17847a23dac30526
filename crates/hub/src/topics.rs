//! The subscribers' side: topics with their subscribers, clients with their outboxes.
//!
//! A topic here is a feed in one format. Its frames of one turn are joined once; then each subscriber gets the same
//! bytes. What a client is behind with is kept per subscription ([`Place`]), and is asked for again as soon as half of
//! the client's outbox is free: that is how a slow client costs itself and nobody else.

use crate::interface::{CaughtUp, Config, Counters, Output, Place, Slow};
use crate::join::join;
use crate::outbox::{Class, Item, Loss, Outbox, Pushed};
use ahash::AHashMap;
use bytes::Bytes;
use model::{CloseCode, ConnId, EntryId, FeedId, Format};
use slab::Slab;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// What a frame weighs in an outbox beside its bytes: many small ones cost more for their places than for their content.
const ITEM_BYTES: usize = std::mem::size_of::<Item<Bytes>>();
/// At most so many values or catch-ups are on their way to one client at once.
const AWAITING_MAX: usize = 8;
/// Frames of one turn are joined up to this size, and up to a quarter of an outbox: larger ones would make dropping
/// coarse, and a chunk may not be larger than what it goes into.
const JOIN_BYTES_MAX: usize = 64 << 10;

/// One lane's clients and topics.
#[derive(Debug)]
pub struct Hub {
    config: Config,
    clients: Slab<Client>,
    /// Rises with every client, so that a slot's next user is told from its last.
    generation: u32,
    topics: Slab<Topic>,
    by_feed: AHashMap<(FeedId, Format), u32>,
    /// Topics with frames of this turn.
    touched: Vec<u32>,
    /// Clients with something to write, each once.
    dirty: VecDeque<u32>,
    outputs: VecDeque<Output>,
    /// The sum of all outboxes' bytes.
    bytes: usize,
    counters: Counters,
    /// Kept between pushes for its capacity.
    lost: Vec<Loss>,
    /// Clients that began to be too slow, until somebody asks.
    slow: Vec<Slow>,
}

#[derive(Debug)]
struct Client {
    generation: u32,
    outbox: Outbox<Bytes>,
    /// How much of the outbox's first item is written.
    front_written: usize,
    subscriptions: SmallVec<[Subscription; 1]>,
    /// Already in `Hub::dirty`.
    is_dirty: bool,
    /// The socket takes nothing now: not dirty until [`Hub::unblock`].
    is_blocked: bool,
    /// Some subscription has lost messages that were not told of.
    has_missed: bool,
    /// Some subscription is [`Place::Behind`].
    has_behind: bool,
    /// Closed by the hub: takes nothing more.
    is_closed: bool,
}

#[derive(Debug)]
struct Subscription {
    topic: u32,
    /// The index in the topic's `subscribers`.
    index: u32,
    place: Place,
    /// Messages lost and not told of yet.
    missed: u64,
}

#[derive(Debug)]
struct Topic {
    feed: FeedId,
    format: Format,
    class: Class,
    subscribers: Vec<Subscriber>,
    /// Frames published in this turn, each with the last entry's id in it (streams).
    turn: Vec<(Bytes, EntryId)>,
}

#[derive(Clone, Copy, Debug)]
struct Subscriber {
    client: u32,
    /// The index in the client's `subscriptions`.
    index: u32,
}

impl Hub {
    /// A hub without clients.
    pub fn new(config: Config) -> Hub {
        Hub {
            config,
            clients: Slab::new(),
            generation: 0,
            topics: Slab::new(),
            by_feed: AHashMap::new(),
            touched: Vec::new(),
            dirty: VecDeque::new(),
            outputs: VecDeque::new(),
            bytes: 0,
            counters: Counters::default(),
            lost: Vec::new(),
            slow: Vec::new(),
        }
    }

    /// From now on these are the limits of [`Config`]; what is queued already stays.
    pub fn set_limits(&mut self, outbox_bytes_max: usize, outbox_total_bytes_max: usize) {
        self.config = Config { outbox_bytes_max, outbox_total_bytes_max, ..self.config };
    }

    /// A new client.
    pub fn add_client(&mut self) -> ConnId {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.clients.insert(Client {
            generation: self.generation,
            outbox: Outbox::default(),
            front_written: 0,
            subscriptions: SmallVec::new(),
            is_dirty: false,
            is_blocked: false,
            has_missed: false,
            has_behind: false,
            is_closed: false,
        });
        ConnId { slot: slot as u32, generation: self.generation }
    }

    /// Forgets a client and what is queued for it; calls `left` with each feed it heard.
    pub fn remove_client(&mut self, conn: ConnId, mut left: impl FnMut(FeedId, Format)) {
        let Some(slot) = self.slot(conn) else { return };
        self.bytes -= std::mem::take(&mut self.clients[slot].outbox).bytes();
        while let Some(topic) = self.clients[slot].subscriptions.last().map(|s| s.topic as usize) {
            let (feed, format) = (self.topics[topic].feed, self.topics[topic].format);
            self.unsubscribe(conn, feed, format);
            left(feed, format);
        }
        // What its feeds had for it in this turn.
        self.bytes -= self.clients.remove(slot).outbox.bytes();
    }

    /// Whether the client is still there.
    pub fn has_client(&self, conn: ConnId) -> bool {
        self.slot(conn).is_some()
    }

    /// How many clients there are.
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Bytes queued for this client.
    pub fn queued_bytes(&self, conn: ConnId) -> usize {
        self.slot(conn).map_or(0, |slot| self.clients[slot].outbox.bytes())
    }

    /// Bytes of replies and the like queued for this client: what only its reading takes away.
    pub fn queued_replies_bytes(&self, conn: ConnId) -> usize {
        self.slot(conn).map_or(0, |slot| self.clients[slot].outbox.must_bytes())
    }

    /// Bytes queued for all clients.
    pub fn total_queued_bytes(&self) -> usize {
        self.bytes
    }

    /// Counts for metrics.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The client hears the feed's frames from here on. Frames published earlier in this turn are not for it.
    pub fn subscribe(&mut self, conn: ConnId, feed: FeedId, format: Format, class: Class, place: Place) {
        let Some(slot) = self.slot(conn) else { return };
        let topic = match self.by_feed.get(&(feed, format)) {
            Some(&topic) => {
                self.flush_topic(topic as usize);
                topic
            }
            None => {
                let fresh = Topic { feed, format, class, subscribers: Vec::new(), turn: Vec::new() };
                let topic = self.topics.insert(fresh) as u32;
                self.by_feed.insert((feed, format), topic);
                topic
            }
        };
        let subscribers = &mut self.topics[topic as usize].subscribers;
        let subscriptions = &mut self.clients[slot].subscriptions;
        subscriptions.push(Subscription { topic, index: subscribers.len() as u32, place, missed: 0 });
        subscribers.push(Subscriber { client: slot as u32, index: subscriptions.len() as u32 - 1 });
        if matches!(place, Place::Behind(_)) {
            self.clients[slot].has_behind = true;
            self.ask_again(slot);
        }
    }

    /// The client hears the feed no more. Returns whether it did.
    pub fn unsubscribe(&mut self, conn: ConnId, feed: FeedId, format: Format) -> bool {
        let (Some(slot), Some(&topic)) = (self.slot(conn), self.by_feed.get(&(feed, format))) else { return false };
        self.flush_topic(topic as usize);
        let Some(at) = self.clients[slot].subscriptions.iter().position(|s| s.topic == topic) else { return false };
        if self.topics[topic as usize].class == Class::Events {
            // Nobody could tell any more what is lost of them.
            self.bytes -= self.clients[slot].outbox.remove_events(feed, format);
        }
        let gone = self.clients[slot].subscriptions.swap_remove(at);
        if let Some(moved) = self.clients[slot].subscriptions.get(at) {
            self.topics[moved.topic as usize].subscribers[moved.index as usize].index = at as u32;
        }
        let subscribers = &mut self.topics[topic as usize].subscribers;
        subscribers.swap_remove(gone.index as usize);
        if let Some(moved) = subscribers.get(gone.index as usize) {
            self.clients[moved.client as usize].subscriptions[moved.index as usize].index = gone.index;
        } else if subscribers.is_empty() {
            self.topics.remove(topic as usize);
            self.by_feed.remove(&(feed, format));
        }
        true
    }

    /// The feed is over: all its clients of this format hear it no more; calls `left` with each of them.
    pub fn end_feed(&mut self, feed: FeedId, format: Format, mut left: impl FnMut(ConnId)) {
        while let Some(&topic) = self.by_feed.get(&(feed, format)) {
            let Some(last) = self.topics[topic as usize].subscribers.last() else { return };
            let conn = self.conn(last.client as usize);
            self.unsubscribe(conn, feed, format);
            left(conn);
        }
    }

    /// The last stream entry that the client has, or that is queued for it: what it gets next comes behind that.
    pub fn position(&mut self, conn: ConnId, feed: FeedId, format: Format) -> Option<EntryId> {
        let (slot, at) = self.flushed_subscription(conn, feed, format)?;
        let (Place::Current(id) | Place::Behind(id) | Place::Awaiting(id)) = self.clients[slot].subscriptions[at].place;
        Some(id)
    }

    /// The clients that hear the feed in this format.
    pub fn subscribers(&self, feed: FeedId, format: Format) -> impl Iterator<Item = ConnId> {
        let topic = self.by_feed.get(&(feed, format)).map(|&topic| &self.topics[topic as usize]);
        topic.into_iter().flat_map(|t| &t.subscribers).map(|s| self.conn(s.client as usize))
    }

    /// A frame for everybody who hears the feed in this format; `end` is the last entry's id in it (streams).
    pub fn publish(&mut self, feed: FeedId, format: Format, frame: Bytes, end: EntryId) {
        let Some(&index) = self.by_feed.get(&(feed, format)) else { return };
        let topic = &mut self.topics[index as usize];
        if topic.turn.is_empty() {
            self.touched.push(index);
        }
        topic.turn.push((frame, end));
    }

    /// A frame that may not be lost, for everybody who hears the feed: its end, or that it is stale.
    pub fn publish_must(&mut self, feed: FeedId, format: Format, frame: &Bytes) {
        let Some(&topic) = self.by_feed.get(&(feed, format)) else { return };
        self.flush_topic(topic as usize);
        for at in 0..self.topics[topic as usize].subscribers.len() {
            let slot = self.topics[topic as usize].subscribers[at].client as usize;
            self.push(slot, Class::Must, feed, format, 1, frame.clone());
        }
    }

    /// `count` messages of the feed were lost before they reached this hub: told to everybody who hears it.
    pub fn add_missed(&mut self, feed: FeedId, format: Format, count: u32) {
        let Some(&topic) = self.by_feed.get(&(feed, format)) else { return };
        self.flush_topic(topic as usize);
        for at in 0..self.topics[topic as usize].subscribers.len() {
            let slot = self.topics[topic as usize].subscribers[at].client as usize;
            let is_older = |i: &Item<Bytes>| i.class == Class::Events && (i.feed, i.format) == (feed, format);
            match (self.config.tell_missed)(format, feed, count.into()) {
                // Messages from before the loss are queued: it is told behind them.
                Ok(body) if self.clients[slot].outbox.iter().any(is_older) => {
                    self.counters.messages_dropped += u64::from(count);
                    self.push(slot, Class::Must, feed, format, 1, body);
                }
                _ => self.lose(slot, Loss { class: Class::Events, feed, format, count }),
            }
            self.mark_dirty(slot);
        }
    }

    /// Frames of the feed were lost before they reached this hub: everybody asks from its own place.
    pub fn set_all_behind(&mut self, feed: FeedId, format: Format) {
        let Some(&topic) = self.by_feed.get(&(feed, format)) else { return };
        self.flush_topic(topic as usize);
        let class = self.topics[topic as usize].class;
        for at in 0..self.topics[topic as usize].subscribers.len() {
            let slot = self.topics[topic as usize].subscribers[at].client as usize;
            self.lose(slot, Loss { class, feed, format, count: 1 });
            self.ask_again(slot);
        }
    }

    /// A reply or another frame for one client that may not be lost.
    pub fn send(&mut self, conn: ConnId, frame: Bytes) {
        // An empty frame is what a format says that says nothing.
        if let Some(slot) = self.slot(conn).filter(|_| !frame.is_empty()) {
            self.push(slot, Class::Must, FeedId(0), Format::Native, 1, frame);
        }
    }

    /// The end of a connection: of what is queued only a frame that is half written and, with `keep_replies`, replies still
    /// go, then `last`.
    pub fn finish(&mut self, conn: ConnId, keep_replies: bool, last: Option<Bytes>) {
        let Some(slot) = self.slot(conn) else { return };
        let client = &mut self.clients[slot];
        client.is_closed = true;
        client.has_missed = false;
        let before = client.outbox.bytes();
        let last = last.map(|body| item(Class::Must, FeedId(0), Format::Native, 1, body));
        client.outbox.finish(keep_replies, last);
        self.bytes = self.bytes + client.outbox.bytes() - before;
        self.mark_dirty(slot);
    }

    /// A client that hears the feed has opened it once more: `reply` goes behind the frames it comes after. Of a query it
    /// holds the newest value, so the client is not behind any more.
    pub fn rejoined(&mut self, conn: ConnId, feed: FeedId, format: Format, reply: Bytes) {
        let Some((slot, at)) = self.flushed_subscription(conn, feed, format) else { return };
        self.send(conn, reply);
        let subscription = &mut self.clients[slot].subscriptions[at];
        if self.topics[subscription.topic as usize].class == Class::State {
            subscription.place = Place::Current(EntryId::MIN);
        }
    }

    /// The answer to [`Output::Resync`]: the client hears frames again from here on.
    pub fn resynced(&mut self, conn: ConnId, feed: FeedId, format: Format, frame: Bytes) {
        let Some((slot, at)) = self.flushed_subscription(conn, feed, format) else { return };
        // Only what was asked for: a client that is current would be set back, one that is behind again will ask.
        if let Place::Awaiting(id) = self.clients[slot].subscriptions[at].place {
            self.clients[slot].subscriptions[at].place = Place::Current(id);
            self.push(slot, Class::State, feed, format, 1, frame);
        }
    }

    /// The answer to [`Output::CatchUp`]. Only what was asked for counts: a client that left meanwhile and follows again
    /// from elsewhere waits for an answer of its own.
    pub fn caught_up(&mut self, conn: ConnId, feed: FeedId, format: Format, answer: CaughtUp) {
        let CaughtUp { after, frame, end, at_end } = answer;
        let Some((slot, at)) = self.flushed_subscription(conn, feed, format) else { return };
        if self.clients[slot].subscriptions[at].place != Place::Awaiting(after) {
            return;
        }
        self.clients[slot].subscriptions[at].place = Place::Current(after);
        let is_empty = frame.is_empty();
        if !is_empty && self.push(slot, Class::Entries, feed, format, 1, frame) != Pushed::Queued {
            return;
        }
        self.clients[slot].subscriptions[at].place = if at_end { Place::Current(end) } else { Place::Behind(end) };
        self.clients[slot].has_behind |= !at_end;
        self.ask_again(slot);
    }

    /// Joins what was published in this turn and queues it for the subscribers. Call it once all events of a turn are in.
    pub fn end_turn(&mut self) {
        while let Some(topic) = self.touched.pop() {
            if self.topics.contains(topic as usize) {
                self.flush_topic(topic as usize);
            }
        }
        if self.bytes > self.config.outbox_total_bytes_max {
            self.close_largest(self.bytes - self.config.outbox_total_bytes_max);
        }
    }

    /// The next client with something to write that its socket may take.
    pub fn next_dirty(&mut self) -> Option<ConnId> {
        loop {
            let slot = self.dirty.pop_front()? as usize;
            let Some(client) = self.clients.get_mut(slot) else { continue };
            // A slot that changed hands may be named twice; a client that is not marked was served already.
            if std::mem::take(&mut client.is_dirty) && !client.is_blocked {
                return Some(self.conn(slot));
            }
        }
    }

    /// The socket took less than it was given: the client is not dirty until [`Hub::unblock`].
    pub fn block(&mut self, conn: ConnId) {
        if let Some(slot) = self.slot(conn) {
            self.clients[slot].is_blocked = true;
        }
    }

    /// The socket takes bytes again.
    pub fn unblock(&mut self, conn: ConnId) {
        if let Some(slot) = self.slot(conn) {
            self.clients[slot].is_blocked = false;
        }
    }

    /// What to write next for this client, in order: calls `each` with up to `count_max` chunks.
    /// Losses are told first where they happened.
    pub fn chunks<'a>(&'a mut self, conn: ConnId, count_max: usize, mut each: impl FnMut(&'a [u8])) {
        let Some(slot) = self.slot(conn) else { return };
        if self.clients[slot].has_missed {
            self.tell_missed(slot);
        }
        let client = &self.clients[slot];
        let mut skip = client.front_written;
        for item in client.outbox.iter().take(count_max) {
            each(&item.body[skip..]);
            skip = 0;
        }
    }

    /// Takes whole items out, for doors that do not write to a socket themselves.
    pub fn take(&mut self, conn: ConnId) -> Option<Bytes> {
        let slot = self.slot(conn)?;
        if self.clients[slot].has_missed {
            self.tell_missed(slot);
        }
        let item = self.clients[slot].outbox.pop()?;
        self.bytes -= item.weight;
        self.counters.bytes_written += item.body.len() as u64;
        self.ask_again(slot);
        Some(item.body)
    }

    /// `written` bytes of what [`Hub::chunks`] gave are gone. Returns whether anything is left.
    pub fn wrote(&mut self, conn: ConnId, written: usize) -> bool {
        let Some(slot) = self.slot(conn) else { return false };
        self.counters.bytes_written += written as u64;
        let client = &mut self.clients[slot];
        let mut left = client.front_written + written;
        while let Some(item) = client.outbox.front() {
            if left < item.body.len() {
                break;
            }
            left -= item.body.len();
            self.bytes -= item.weight;
            client.outbox.pop();
        }
        client.front_written = left;
        if left > 0 {
            client.outbox.start_front();
        }
        self.ask_again(slot);
        !self.clients[slot].outbox.is_empty() || self.clients[slot].has_missed
    }

    /// Whether [`Hub::next_output`] has something.
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// What the hub wants done, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn slot(&self, conn: ConnId) -> Option<usize> {
        let slot = conn.slot as usize;
        self.clients.get(slot).filter(|c| c.generation == conn.generation).map(|_| slot)
    }

    fn conn(&self, slot: usize) -> ConnId {
        ConnId { slot: slot as u32, generation: self.clients[slot].generation }
    }

    /// The subscription, after the frames published in this turn have been given to those who were current.
    fn flushed_subscription(&mut self, conn: ConnId, feed: FeedId, format: Format) -> Option<(usize, usize)> {
        let slot = self.slot(conn)?;
        let &topic = self.by_feed.get(&(feed, format))?;
        self.flush_topic(topic as usize);
        let at = self.clients[slot].subscriptions.iter().position(|s| s.topic == topic)?;
        Some((slot, at))
    }

    /// Gives a topic's frames of this turn to its subscribers, joined.
    fn flush_topic(&mut self, index: usize) {
        let topic = &mut self.topics[index];
        if topic.turn.is_empty() {
            return;
        }
        let frames = std::mem::take(&mut topic.turn);
        let (feed, format, class) = (topic.feed, topic.format, topic.class);
        let join_bytes_max = JOIN_BYTES_MAX.min(self.config.outbox_bytes_max / 4);
        for chunk in join(&frames, join_bytes_max) {
            for at in 0..self.topics[index].subscribers.len() {
                let Subscriber { client, index: subscription } = self.topics[index].subscribers[at];
                let (slot, subscription) = (client as usize, subscription as usize);
                let Place::Current(place) = self.clients[slot].subscriptions[subscription].place else { continue };
                let pushed = self.push(slot, class, feed, format, chunk.count, chunk.bytes.clone());
                if pushed == Pushed::Queued && class == Class::Entries {
                    // A frame without entries, a gap's, leads nowhere.
                    self.clients[slot].subscriptions[subscription].place = Place::Current(place.max(chunk.end));
                }
            }
        }
        // Keep the allocation for the next turn, but not one that a burst made large.
        let mut frames = frames;
        frames.clear();
        frames.shrink_to(16);
        self.topics[index].turn = frames;
    }

    fn push(&mut self, slot: usize, class: Class, feed: FeedId, format: Format, count: u32, body: Bytes) -> Pushed {
        let client = &mut self.clients[slot];
        if client.is_closed {
            return Pushed::Lost;
        }
        let before = client.outbox.bytes();
        let pushed =
            client.outbox.push(item(class, feed, format, count, body), self.config.outbox_bytes_max, &mut self.lost);
        self.bytes = self.bytes + client.outbox.bytes() - before;
        match pushed {
            Pushed::Queued => self.counters.frames += u64::from(count),
            Pushed::Full => self.close(slot, CloseCode::TooSlow),
            Pushed::Lost => {}
        }
        if !self.lost.is_empty() {
            let mut lost = std::mem::take(&mut self.lost);
            lost.drain(..).for_each(|loss| self.lose(slot, loss));
            self.lost = lost;
            if self.clients[slot].outbox.is_empty() {
                // What was dropped was all there was to write: no write will come that would ask again.
                self.ask_again(slot);
            }
        }
        self.mark_dirty(slot);
        pushed
    }

    fn mark_dirty(&mut self, slot: usize) {
        let client = &mut self.clients[slot];
        if !client.is_dirty && !client.is_blocked {
            client.is_dirty = true;
            self.dirty.push_back(slot as u32);
        }
    }

    /// Enters a loss into the subscription it belongs to.
    fn lose(&mut self, slot: usize, loss: Loss) {
        let Some(&topic) = self.by_feed.get(&(loss.feed, loss.format)) else { return };
        let client = &mut self.clients[slot];
        if client.is_closed {
            // Its last word is queued: nothing comes behind it.
            return;
        }
        let Some(subscription) = client.subscriptions.iter_mut().find(|s| s.topic == topic) else { return };
        match (loss.class, subscription.place) {
            (Class::Must, _) => unreachable!("a Must is never lost"),
            (Class::Events, _) => {
                self.counters.messages_dropped += u64::from(loss.count);
                let is_first = subscription.missed == 0;
                subscription.missed += u64::from(loss.count);
                client.has_missed = true;
                if is_first {
                    self.note_slow(slot, loss);
                }
                if let Err(code) = (self.config.tell_missed)(loss.format, loss.feed, 1) {
                    self.close(slot, code);
                }
            }
            (class, Place::Current(id)) => {
                subscription.place = Place::Behind(id);
                client.has_behind = true;
                match class {
                    Class::State => self.counters.conflations += 1,
                    _ => self.counters.stream_waits += 1,
                }
                self.note_slow(slot, loss);
            }
            // What was asked for before frames were lost would leave a hole: ask once more after it.
            (_, Place::Behind(_) | Place::Awaiting(_)) => {}
        }
    }

    /// Under a flood a few are enough to know who: the counters count all.
    fn note_slow(&mut self, slot: usize, loss: Loss) {
        const NOTED_MAX: usize = 16;
        if self.slow.len() < NOTED_MAX {
            self.slow.push(Slow { conn: self.conn(slot), feed: loss.feed, class: loss.class });
        }
    }

    /// Clients that began to be too slow since the last call; of many, some.
    pub fn take_slow(&mut self) -> Vec<Slow> {
        std::mem::take(&mut self.slow)
    }

    /// How many clients hear each feed in each format.
    pub fn audiences(&self) -> impl Iterator<Item = (FeedId, Format, usize)> {
        self.topics.iter().map(|(_, topic)| (topic.feed, topic.format, topic.subscribers.len()))
    }

    /// Asks for what the client is behind with, if at least half of its outbox is free.
    fn ask_again(&mut self, slot: usize) {
        let conn = self.conn(slot);
        let client = &mut self.clients[slot];
        if !client.has_behind || client.is_closed || client.outbox.bytes() * 2 > self.config.outbox_bytes_max {
            return;
        }
        let mut awaiting = client.subscriptions.iter().filter(|s| matches!(s.place, Place::Awaiting(_))).count();
        client.has_behind = false;
        for subscription in &mut client.subscriptions {
            let Place::Behind(after) = subscription.place else { continue };
            if awaiting >= AWAITING_MAX {
                client.has_behind = true;
                break;
            }
            awaiting += 1;
            subscription.place = Place::Awaiting(after);
            let Topic { feed, format, class, .. } = self.topics[subscription.topic as usize];
            self.outputs.push_back(match class {
                Class::Entries => Output::CatchUp { conn, feed, format, after },
                _ => Output::Resync { conn, feed, format },
            });
        }
    }

    /// Puts the frames that tell of losses where the losses were: before the next message of the same feed, or behind
    /// everything if none is queued. The oldest messages are the ones that go, so nothing older is queued.
    fn tell_missed(&mut self, slot: usize) {
        let client = &mut self.clients[slot];
        client.has_missed = false;
        for subscription in client.subscriptions.iter_mut().filter(|s| s.missed > 0) {
            let Topic { feed, format, .. } = self.topics[subscription.topic as usize];
            let missed = std::mem::take(&mut subscription.missed);
            // A format that cannot tell had the client closed when the loss happened.
            let Ok(body) = (self.config.tell_missed)(format, feed, missed) else { continue };
            let told = item(Class::Must, feed, format, 1, body);
            self.bytes += told.weight;
            client.outbox.insert_before_events(told);
        }
    }

    fn close(&mut self, slot: usize, code: CloseCode) {
        let conn = self.conn(slot);
        if !std::mem::replace(&mut self.clients[slot].is_closed, true) {
            self.counters.too_slow += 1;
            self.outputs.push_back(Output::Close { conn, code });
        }
    }

    /// Closes the clients with the most, as many as it takes to be rid of `excess` bytes.
    fn close_largest(&mut self, mut excess: usize) {
        let open = self.clients.iter().filter(|(_, c)| !c.is_closed && !c.outbox.is_empty());
        let mut largest: Vec<(usize, usize)> = open.map(|(slot, c)| (c.outbox.bytes(), slot)).collect();
        largest.sort_unstable();
        while let Some((bytes, slot)) = largest.pop().filter(|_| excess > 0) {
            excess = excess.saturating_sub(bytes);
            self.close(slot, CloseCode::TooSlow);
        }
    }
}

fn item(class: Class, feed: FeedId, format: Format, count: u32, body: Bytes) -> Item<Bytes> {
    Item { class, feed, format, count, weight: ITEM_BYTES + body.len(), body }
}

#[cfg(test)]
#[path = "topics_tests.rs"]
mod tests;
