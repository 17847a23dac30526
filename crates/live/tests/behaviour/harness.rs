//! A `Live` on a clock, and short words for what goes in and comes out.

use bytes::Bytes;
use live::{Config, ListenerId, Live, Open, OpenerId, Output};
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::feed::Tag;
use model::request::{Content, From, Opening};
use model::topic::Query;
use model::{EntryId, Error, FeedEvent, FeedId, FeedKey, Pace, Reply, Time, Topic, Value, WatchId};
use std::rc::Rc;
use std::time::Duration;

pub struct Lane {
    pub live: Live,
    pub now: Time,
    next_opener: u64,
}

pub fn lane() -> Lane {
    lane_with(Config::default())
}

pub fn lane_with(config: Config) -> Lane {
    Lane { live: Live::new(config), now: Time::from_millis(1_000_000), next_opener: 0 }
}

pub fn query(line: &str) -> Query {
    let command: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
    Query { keys: command[1..].into(), command: command.into(), polled: false, unordered: false }
}

pub fn feed_of(query: Query, every_ms: u64) -> FeedKey {
    FeedKey { topic: Topic::Query(query), json: false, pace: Pace::at_least(every_ms) }
}

pub fn get(key: &str) -> FeedKey {
    feed_of(query(&format!("GET {key}")), 0)
}

pub fn topic(topic: Topic) -> FeedKey {
    FeedKey { topic, json: false, pace: Pace::at_least(0) }
}

pub fn open(key: FeedKey) -> Open {
    Open { opener: OpenerId(0), key, have: None, from: None, fresh: false }
}

impl Lane {
    pub fn open(&mut self, open: Open) -> Vec<Output> {
        self.next_opener += 1;
        let open = Open { opener: OpenerId(self.next_opener), ..open };
        self.call(|live, now, out| live.handle_open(open, now, out))
    }

    pub fn call(&mut self, what: impl FnOnce(&mut Live, Time, &mut Vec<Output>)) -> Vec<Output> {
        let mut out = Vec::new();
        what(&mut self.live, self.now, &mut out);
        out
    }

    pub fn tell(&mut self, event: BackendEvent) -> Vec<Output> {
        self.call(|live, now, out| live.handle_backend(event, now, out))
    }

    pub fn value(&mut self, watch: WatchId, reply: Reply) -> Vec<Output> {
        self.tell(BackendEvent::Value { watch, reply: Some(reply), expires_in: None })
    }

    pub fn text(&mut self, watch: WatchId, text: &str) -> Vec<Output> {
        self.value(watch, Reply::bulk(text))
    }

    pub fn not_ready(&mut self, watch: WatchId) -> Vec<Output> {
        self.tell(BackendEvent::Value { watch, reply: None, expires_in: None })
    }

    pub fn invalidate(&mut self, key: &str) -> Vec<Output> {
        self.tell(BackendEvent::Invalidated { keys: vec![Bytes::copy_from_slice(key.as_bytes())] })
    }

    pub fn stale(&mut self, stale: bool) -> Vec<Output> {
        self.tell(BackendEvent::Stale(stale))
    }

    pub fn abandon(&mut self, feed: FeedId) -> Vec<Output> {
        self.call(|live, now, out| live.handle_abandoned(feed, now, out))
    }

    pub fn catch_up(&mut self, feed: FeedId, listener: u64, after: u64) -> Vec<Output> {
        let after = EntryId::new(after, 0);
        self.call(|live, now, out| live.handle_catch_up(feed, ListenerId(listener), after, now, out))
    }

    /// So many milliseconds pass; every timer is served at its time.
    pub fn pass(&mut self, ms: u64) -> Vec<Output> {
        let end = self.now + Duration::from_millis(ms);
        let mut out = Vec::new();
        while let Some(at) = self.live.next_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            out.extend(self.call(|live, now, out| live.handle_timeout(now, out)));
            assert!(self.live.next_timeout().is_none_or(|next| next > self.now), "the timer stands still");
        }
        self.now = end;
        out
    }

    /// Opens and answers the first read; the feed and the watch.
    pub fn opened(&mut self, key: FeedKey, reply: Reply) -> (FeedId, WatchId) {
        let watch = read(&self.open(open(key)));
        (opened(&self.value(watch, reply)).0, watch)
    }
}

/// The only output, a read.
#[track_caller]
pub fn read(out: &[Output]) -> WatchId {
    match out {
        [Output::Backend(BackendRequest::Read { watch, .. })] => *watch,
        other => panic!("not one read: {other:?}"),
    }
}

pub fn reads(out: &[Output]) -> Vec<WatchId> {
    let read = |output: &Output| match output {
        Output::Backend(BackendRequest::Read { watch, .. }) => Some(*watch),
        _ => None,
    };
    out.iter().filter_map(read).collect()
}

/// The only output, an opening of a query: feed, rev, content, stale.
#[track_caller]
pub fn opened(out: &[Output]) -> (FeedId, u64, Content, bool) {
    match out {
        [Output::Opened { feed, state: Opening::Query { rev, content, .. }, stale, .. }] => {
            (*feed, *rev, content.clone(), *stale)
        }
        other => panic!("not one opening: {other:?}"),
    }
}

/// The only output, a refusal.
#[track_caller]
pub fn refused(out: &[Output]) -> String {
    match out {
        [Output::Refused { error, .. }] => error.code.to_string(),
        other => panic!("not one refusal: {other:?}"),
    }
}

/// The only output, an event of a feed.
#[track_caller]
pub fn event(out: &[Output]) -> FeedEvent {
    match out {
        [Output::Event { event, .. }] => event.clone(),
        other => panic!("not one event: {other:?}"),
    }
}

/// The revision and the value after an event.
#[track_caller]
pub fn shown(event: &FeedEvent) -> (u64, Rc<Value>) {
    match event {
        FeedEvent::Value { rev, value, .. } | FeedEvent::Patch { rev, value, .. } => (*rev, value.clone()),
        other => panic!("no value: {other:?}"),
    }
}

#[track_caller]
pub fn tag(content: &Content) -> Tag {
    match content {
        Content::Same(tag) | Content::Value(tag, _) => *tag,
        Content::Error(error) => panic!("no tag: {error}"),
    }
}

pub fn text(s: &str) -> Rc<Value> {
    Rc::new(Value::Str(Bytes::copy_from_slice(s.as_bytes())))
}

pub fn channel(name: &str) -> ChannelName {
    ChannelName::Channel(Bytes::copy_from_slice(name.as_bytes()))
}

pub fn closed(feed: FeedId, code: &str, out: &[Output]) -> bool {
    matches!(out, [Output::Event { feed: a, event: FeedEvent::Closed(Error { code: c, .. }) }, Output::Ended { feed: b }]
        if *a == feed && *b == feed && c == code)
}

pub fn from(place: u64) -> Option<From> {
    Some(From::After(EntryId::new(place, 0)))
}
