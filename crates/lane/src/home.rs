//! The side of a lane that has topics: opens in, frames out to the lanes that hear them.

use crate::event::Output;
use crate::lane::Lane;
use crate::link::Recovery;
use crate::mail::{Mail, Open, Opened};
use ahash::{AHashMap, AHashSet};
use bytes::Bytes;
use hub::{Audience, Class, Place};
use live::{ListenerId, OpenerId};
use model::request::Opening;
use model::{CloseCode, ConnId, EntryId, FeedEvent, FeedId, Format, LaneId, Response, Time};
use smallvec::SmallVec;
use wire::Encoded;

/// What the home side keeps beside `live`: who asked, and who hears.
#[derive(Default)]
pub(crate) struct Home {
    audience: Audience,
    openers: AHashMap<OpenerId, Opener>,
    listeners: AHashMap<ListenerId, Listener>,
    /// Feeds of which it was told that they may be old.
    stale: AHashSet<FeedId>,
    /// The last opener's or listener's number.
    last_id: u64,
}

/// A client whose open waits for its answer.
struct Opener {
    lane: LaneId,
    conn: ConnId,
    id: u64,
    format: Format,
}

/// Who asked for what it missed.
struct Listener {
    lane: LaneId,
    feed: FeedId,
    format: Format,
    /// None: everybody of that lane and format.
    conn: Option<ConnId>,
    /// The place that a catch-up begins at.
    after: EntryId,
    /// What it gets, until all of it is there: entries up to the end of a catch-up, a value up to whether it is stale.
    frames: Vec<u8>,
}

impl Home {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// How many feeds may be old, as was told.
    pub(crate) fn stale_feeds(&self) -> u64 {
        self.stale.len() as u64
    }

    fn note_stale(&mut self, feed: FeedId, stale: bool) {
        if stale {
            self.stale.insert(feed);
        } else {
            self.stale.remove(&feed);
        }
    }
}

impl Lane {
    pub(crate) fn handle_open(&mut self, lane: LaneId, open: Open, now: Time, out: &mut Vec<Output>) {
        let Open { conn, id, format, key, have, from, fresh } = open;
        let opener = OpenerId(self.home.next_id());
        self.home.openers.insert(opener, Opener { lane, conn, id, format });
        self.live.handle_open(live::Open { opener, key, have, from, fresh }, now, &mut self.live_outputs);
        self.handle_live(out);
    }

    pub(crate) fn handle_leave(
        &mut self,
        lane: LaneId,
        feed: FeedId,
        format: Format,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        if self.home.audience.leave(feed, lane, format) {
            self.home.listeners.retain(|_, l| l.feed != feed);
            self.home.note_stale(feed, false);
            self.live.handle_abandoned(feed, now, &mut self.live_outputs);
            self.handle_live(out);
        }
    }

    pub(crate) fn handle_resync(
        &mut self,
        lane: LaneId,
        conn: ConnId,
        feed: FeedId,
        format: Format,
        out: &mut Vec<Output>,
    ) {
        let listener = Listener { lane, feed, format, conn: Some(conn), after: EntryId::MIN, frames: Vec::new() };
        self.ask_live(listener, out, |live, id, out| live.handle_resync(feed, id, out));
    }

    #[expect(clippy::too_many_arguments, reason = "the letter's members")]
    pub(crate) fn handle_catch_up(
        &mut self,
        lane: LaneId,
        conn: ConnId,
        feed: FeedId,
        format: Format,
        after: EntryId,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let listener = Listener { lane, feed, format, conn: Some(conn), after, frames: Vec::new() };
        self.ask_live(listener, out, |live, id, out| live.handle_catch_up(feed, id, after, now, out));
    }

    /// Makes good what was lost on the way to another lane, now that there is room.
    pub(crate) fn recover(&mut self, lane: LaneId, recovery: Recovery, out: &mut Vec<Output>) {
        let Recovery { feed, format, class } = recovery;
        match class {
            Class::State => {
                let listener = Listener { lane, feed, format, conn: None, after: EntryId::MIN, frames: Vec::new() };
                self.ask_live(listener, out, |live, id, out| live.handle_resync(feed, id, out));
            }
            _ => self.send(lane, feed, format, Mail::AllBehind { feed, format }, 0),
        }
    }

    /// Registers a listener and asks for it; of a feed that is over there is nothing to ask.
    fn ask_live(
        &mut self,
        listener: Listener,
        out: &mut Vec<Output>,
        ask: impl FnOnce(&mut live::Live, ListenerId, &mut Vec<live::Output>),
    ) {
        if self.home.audience.routes(listener.feed).is_empty() {
            return;
        }
        let id = ListenerId(self.home.next_id());
        self.home.listeners.insert(id, listener);
        ask(&mut self.live, id, &mut self.live_outputs);
        self.handle_live(out);
    }

    /// Turns what the topics want into frames, mail and requests.
    pub(crate) fn handle_live(&mut self, out: &mut Vec<Output>) {
        let mut outputs = std::mem::take(&mut self.live_outputs);
        for output in outputs.drain(..) {
            match output {
                live::Output::Backend(request) => {
                    self.note_asked(&request);
                    out.push(Output::Backend(request));
                }
                live::Output::Opened { opener, feed, state, stale, at_end } => {
                    self.home.note_stale(feed, stale);
                    self.opened(opener, feed, state, stale, at_end);
                }
                live::Output::Refused { opener, error } => {
                    if let Some(Opener { lane, conn, id, format }) = self.home.openers.remove(&opener) {
                        self.send(lane, FeedId(0), format, Mail::Refused { conn, id, error }, 0);
                    }
                }
                live::Output::Event { feed, event } => {
                    if let FeedEvent::Stale(stale) = event {
                        self.home.note_stale(feed, stale);
                    }
                    self.publish(feed, &event);
                }
                live::Output::EventTo { listener, feed, event } => self.publish_to(listener, feed, &event),
                live::Output::CaughtUp { listener, feed, position, at_end } => {
                    self.caught_up(listener, feed, position, at_end);
                }
                live::Output::Ended { feed } => {
                    self.home.note_stale(feed, false);
                    self.home.listeners.retain(|_, l| l.feed != feed);
                    for route in self.home.audience.end(feed) {
                        let mail = Mail::Ended { feed, format: route.format };
                        self.send(route.lane, feed, route.format, mail, 0);
                    }
                }
            }
        }
        self.live_outputs = outputs;
    }

    fn opened(&mut self, opener: OpenerId, feed: FeedId, state: Opening, stale: bool, at_end: bool) {
        let Some(Opener { lane, conn, id, format }) = self.home.openers.remove(&opener) else { return };
        let (class, at) = match &state {
            Opening::Query { .. } => (Class::State, EntryId::MIN),
            Opening::Channel => (Class::Events, EntryId::MIN),
            Opening::Stream { from } => (Class::Entries, *from),
        };
        let place = if at_end { Place::Current(at) } else { Place::Behind(at) };
        let mut reply = Vec::new();
        // A format that writes nothing here gets an empty reply, which the hub does not send.
        let _ = wire::encode_response(format, &Response::Opened { id, feed, state, stale }, &mut reply);
        self.home.audience.join(feed, class, lane, format);
        let reply = self.compressed(format, reply.into());
        let bytes = reply.len();
        let mail = Mail::Opened(Opened { conn, id, feed, format, class, place, stale, reply });
        self.send(lane, feed, format, mail, bytes);
    }

    /// Encodes an event once per format and sends the same bytes to every lane that hears it.
    fn publish(&mut self, feed: FeedId, event: &FeedEvent) {
        let mut encoded = Encodings::new();
        let routes: SmallVec<[hub::Route; 4]> = self.home.audience.routes(feed).into();
        for route in routes {
            match self.encode_once(&mut encoded, route.format, feed, event) {
                Ok(frame) if frame.is_empty() => {}
                Ok(frame) => self.send_event(route.lane, feed, route.format, event, frame),
                Err(code) => {
                    let mail = Mail::CloseAll { feed, format: route.format, code };
                    self.send(route.lane, feed, route.format, mail, 0);
                }
            }
        }
    }

    /// The event in this format, if it is not there yet: encoded, or the plain one's bytes compressed.
    fn encode_once(
        &mut self,
        encoded: &mut Encodings,
        format: Format,
        feed: FeedId,
        event: &FeedEvent,
    ) -> Result<Bytes, CloseCode> {
        if let Some((_, frame)) = encoded.iter().find(|(there, _)| *there == format) {
            return frame.clone();
        }
        let frame = if format.is_deflated() {
            let plain = self.encode_once(encoded, format.plain(), feed, event);
            plain.map(|plain| self.compressed(format, plain))
        } else {
            self.counters.frames_encoded += 1;
            encode(format, feed, event)
        };
        encoded.push((format, frame.clone()));
        frame
    }

    fn send_event(&mut self, lane: LaneId, feed: FeedId, format: Format, event: &FeedEvent, frame: Bytes) {
        match self.class_of(feed, event) {
            Class::Must => {
                let bytes = frame.len();
                self.send(lane, feed, format, Mail::MustFrame { feed, format, frame }, bytes);
            }
            class => {
                let end = match event {
                    FeedEvent::Entries(entries) => entries.last().map_or(EntryId::MIN, |e| e.id),
                    _ => EntryId::MIN,
                };
                self.send_frame(lane, class, feed, format, frame, end);
            }
        }
    }

    /// What may happen to the event's frame on the way to a slow client.
    fn class_of(&self, feed: FeedId, event: &FeedEvent) -> Class {
        match event {
            FeedEvent::Value { .. } | FeedEvent::Patch { .. } | FeedEvent::Error { .. } => Class::State,
            FeedEvent::Message(_) | FeedEvent::PatternMessage { .. } => Class::Events,
            FeedEvent::Entries(_) | FeedEvent::Gap { .. } => Class::Entries,
            // Of a query it is part of what is shown, and comes behind the value it speaks of.
            FeedEvent::Stale(_) if self.home.audience.class(feed) == Class::State => Class::State,
            FeedEvent::Missed(_) | FeedEvent::Stale(_) | FeedEvent::Closed(_) => Class::Must,
        }
    }

    fn publish_to(&mut self, id: ListenerId, feed: FeedId, event: &FeedEvent) {
        let class = self.home.audience.class(feed);
        let Some(listener) = self.home.listeners.get_mut(&id) else { return };
        let (lane, format, conn) = (listener.lane, listener.format, listener.conn);
        if class != Class::State && matches!(event, FeedEvent::Stale(_)) {
            // Told to those behind as well, so it is known there.
            return;
        }
        let frame = encode(format, feed, event);
        let frame = if format.is_deflated() { frame.map(|plain| self.deflater.frames(plain)) } else { frame };
        match (frame, conn) {
            (Ok(frame), _) => listener.frames.extend_from_slice(&frame),
            (Err(code), Some(conn)) => return self.send(lane, feed, format, Mail::CloseOne { conn, code }, 0),
            (Err(code), None) => return self.send(lane, feed, format, Mail::CloseAll { feed, format, code }, 0),
        }
        // A query's value is followed by whether it is stale: nothing of that feed may overtake the value.
        if matches!(event, FeedEvent::Stale(_)) {
            self.resynced(id);
        }
    }

    fn resynced(&mut self, id: ListenerId) {
        let Some(Listener { lane, feed, format, conn, frames, .. }) = self.home.listeners.remove(&id) else { return };
        let frame = Bytes::from(frames);
        match conn {
            Some(conn) => {
                let bytes = frame.len();
                self.send(lane, feed, format, Mail::Resynced { conn, feed, format, frame }, bytes);
            }
            None => self.send_frame(lane, Class::State, feed, format, frame, EntryId::MIN),
        }
    }

    fn caught_up(&mut self, id: ListenerId, feed: FeedId, end: EntryId, at_end: bool) {
        let Some(Listener { lane, format, conn, after, frames, .. }) = self.home.listeners.remove(&id) else { return };
        let Some(conn) = conn else { return };
        let bytes = frames.len();
        let answer = hub::CaughtUp { after, frame: frames.into(), end, at_end };
        self.send(lane, feed, format, Mail::CaughtUp { conn, feed, format, answer }, bytes);
    }
}

/// One event's frames by format, or the code to close with where a format cannot tell it.
type Encodings = SmallVec<[(Format, Result<Bytes, CloseCode>); 2]>;

/// The event in this format, not compressed; empty where the format says nothing of it.
fn encode(format: Format, feed: FeedId, event: &FeedEvent) -> Result<Bytes, CloseCode> {
    let mut frame = Vec::new();
    match wire::encode_event(format, feed, event, &mut frame) {
        Encoded::Close(code) => Err(code),
        Encoded::Frame | Encoded::Nothing => Ok(frame.into()),
    }
}
