//! Two keys whose values only rise, and clients that watch one or both of them.

use explore::{World, explore};
use live::{Config, Live, Open, OpenerId, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::request::{Content, Opening};
use model::topic::Query;
use model::{FeedEvent, FeedId, FeedKey, Pace, PatchOp, Reply, Time, Topic, Value};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What happens in a world, in any order that is possible.
#[derive(Clone, Debug, Default)]
struct Script {
    /// Keys, written one after the other.
    writes: VecDeque<&'static str>,
    clients: Vec<Client>,
    /// The backend is lost once and found again.
    outage: bool,
    /// The backend says once that anything may have changed.
    invalidate_all: bool,
    /// So many milliseconds after the beginning, key `b` is something else, and the backend never tells.
    expires_ms: Option<u64>,
    fault: Option<Fault>,
}

/// A fault planted to see that it is found.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    LoseInvalidation,
    LoseEvent,
    RepeatEvent,
    /// An event overtakes the `Opened` it follows.
    EventBeforeOpened,
    /// The backend arms nothing.
    NeverArm,
    /// The backend does not say when a key expires.
    NoDeadline,
    /// The backend comes back without saying that anything may have changed.
    SilentRecovery,
}

#[derive(Clone, Debug)]
struct Client {
    command: &'static [&'static str],
    every_ms: u64,
    fresh: bool,
    /// It closes at some moment.
    closes: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    New,
    /// Asked when the keys had these values.
    Waiting(Vec<u64>),
    Hearing {
        feed: FeedId,
        rev: u64,
        copy: Json,
        stale: bool,
    },
    Gone,
}

fn client(command: &'static [&'static str], every_ms: u64) -> Client {
    Client { command, every_ms, fresh: false, closes: false, state: State::New }
}

impl Client {
    fn fresh(self) -> Client {
        Client { fresh: true, ..self }
    }

    fn closes(self) -> Client {
        Client { closes: true, ..self }
    }

    fn query(&self) -> Query {
        let words = |words: &[&'static str]| words.iter().map(|w| w.as_bytes().into()).collect();
        Query { command: words(self.command), keys: words(&self.command[1..]), polled: false, unordered: false }
    }
}

/// What the backend has to tell.
#[derive(Clone, Debug)]
enum News {
    Value {
        keys: Arc<[bytes::Bytes]>,
        event: BackendEvent,
    },
    Invalidated(bytes::Bytes),
    /// In order among themselves.
    Control(BackendEvent),
}

#[derive(Clone, Debug)]
struct Small {
    live: Live,
    now: Time,
    script: Script,
    keys: BTreeMap<bytes::Bytes, u64>,
    writes: u64,
    armed: BTreeSet<bytes::Bytes>,
    reachable: bool,
    /// So many reads may still be answered by "not ready": else they would be for ever.
    not_ready_max: usize,
    /// What the keys were when the backend was found again.
    found_at: Option<Vec<u64>>,
    requests: VecDeque<BackendRequest>,
    news: Vec<News>,
    ended: BTreeSet<FeedId>,
    /// Reads that there was a reason for, and reads that there were.
    reasons: usize,
    reads: usize,
    in_flight: BTreeSet<model::WatchId>,
}

#[derive(Clone, Debug)]
enum Choice {
    Write,
    Open(usize),
    Close(usize),
    Execute,
    Deliver(usize),
    Time,
    Lose,
    Find,
    InvalidateAll,
    /// The key's deadline has passed, and timers are served late.
    Deadline,
}

const BEGINNING: Time = Time::from_millis(1_000_000);
/// What an expired key is: greater than anything written.
const EXPIRED: u64 = 999;

fn small(script: Script) -> Small {
    Small {
        live: Live::new(Config::default()),
        now: BEGINNING,
        script,
        keys: BTreeMap::new(),
        writes: 0,
        armed: BTreeSet::new(),
        reachable: true,
        not_ready_max: 2,
        found_at: None,
        requests: VecDeque::new(),
        news: Vec::new(),
        ended: BTreeSet::new(),
        reasons: 0,
        reads: 0,
        in_flight: BTreeSet::new(),
    }
}

/// The numbers that a client shows; a missing key is 0.
fn numbers(copy: &Json) -> Vec<u64> {
    let number = |v: &Json| v.as_str().map_or(0, |s| s.parse().unwrap());
    copy.as_array().map_or_else(|| vec![number(copy)], |items| items.iter().map(number).collect())
}

fn never_back(before: &[u64], after: &[u64]) -> bool {
    before.iter().zip(after).all(|(before, after)| before <= after)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Str(s) => json!(std::str::from_utf8(s).unwrap()),
        Value::Array(items) => items.iter().map(to_json).collect(),
        other => panic!("no such value here: {other:?}"),
    }
}

fn patched(copy: &Json, ops: &[PatchOp]) -> Json {
    let op = |op: &PatchOp| match op {
        PatchOp::Add { path, value } => json!({ "op": "add", "path": path, "value": to_json(value) }),
        PatchOp::Remove { path } => json!({ "op": "remove", "path": path }),
        PatchOp::Replace { path, value } => json!({ "op": "replace", "path": path, "value": to_json(value) }),
    };
    let patch: json_patch::Patch = serde_json::from_value(ops.iter().map(op).collect()).unwrap();
    let mut copy = copy.clone();
    json_patch::patch(&mut copy, &patch).unwrap();
    copy
}

impl World for Small {
    type Choice = Choice;

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        choices.extend((!self.script.writes.is_empty()).then_some(Choice::Write));
        for (i, client) in self.script.clients.iter().enumerate() {
            match client.state {
                State::New => choices.push(Choice::Open(i)),
                State::Hearing { .. } if client.closes => choices.push(Choice::Close(i)),
                _ => {}
            }
        }
        let answers = self.reachable || self.not_ready_max > 0;
        choices.extend((answers && !self.requests.is_empty()).then_some(Choice::Execute));
        choices.extend((0..self.news.len()).filter(|&i| self.may_deliver(i)).map(Choice::Deliver));
        choices.extend(self.live.next_timeout().map(|_| Choice::Time));
        choices.extend((self.script.outage && self.reachable).then_some(Choice::Lose));
        choices.extend((!self.reachable).then_some(Choice::Find));
        choices.extend(self.expires_in().is_some_and(|left| !left.is_zero()).then_some(Choice::Deadline));
        choices.extend(self.script.invalidate_all.then_some(Choice::InvalidateAll));
        choices
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        let mut out = Vec::new();
        match *choice {
            Choice::Write => self.write(),
            Choice::Open(i) => {
                let now = self.shown_by(i);
                let client = &mut self.script.clients[i];
                let topic = Topic::Query(client.query());
                client.state = State::Waiting(now);
                let key = FeedKey { topic, json: false, pace: Pace::at_least(client.every_ms) };
                let open = Open { opener: OpenerId(i as u64), key, have: None, from: None, fresh: client.fresh };
                self.reasons += 1;
                self.live.handle_open(open, self.now, &mut out);
            }
            Choice::Close(i) => {
                let before = std::mem::replace(&mut self.script.clients[i].state, State::Gone);
                let State::Hearing { feed, .. } = before else { unreachable!() };
                let hears = |c: &Client| matches!(c.state, State::Hearing { feed: f, .. } if f == feed);
                if !self.script.clients.iter().any(hears) {
                    self.ended.insert(feed);
                    self.live.handle_abandoned(feed, self.now, &mut out);
                }
            }
            Choice::Execute => self.execute(),
            Choice::Deliver(i) => self.deliver(i, &mut out),
            Choice::Time => {
                self.now = self.live.next_timeout().unwrap();
                // A deadline is a reason to read.
                self.reasons += usize::from(self.script.expires_ms.is_some());
                self.live.handle_timeout(self.now, &mut out);
                if self.live.next_timeout().is_some_and(|next| next <= self.now) {
                    return Err("the timer stands still".into());
                }
            }
            Choice::Deadline => self.now = self.now + self.expires_in().unwrap(),
            Choice::Lose => {
                (self.reachable, self.script.outage) = (false, false);
                self.armed.clear();
                self.news.push(News::Control(BackendEvent::Stale(true)));
            }
            Choice::Find => {
                self.reachable = true;
                self.found_at = Some(self.keys.values().copied().collect());
                if self.script.fault != Some(Fault::SilentRecovery) {
                    self.news.push(News::Control(BackendEvent::InvalidatedAll));
                }
                self.news.push(News::Control(BackendEvent::Stale(false)));
            }
            Choice::InvalidateAll => {
                self.script.invalidate_all = false;
                self.armed.clear();
                self.news.push(News::Control(BackendEvent::InvalidatedAll));
            }
        }
        if self.script.fault == Some(Fault::EventBeforeOpened) && out.iter().any(|o| matches!(o, Output::Opened { .. }))
        {
            out.reverse();
        }
        out.into_iter().try_for_each(|output| self.put(output))
    }

    fn check_rest(&self) -> Result<(), String> {
        for (i, client) in self.script.clients.iter().enumerate() {
            match &client.state {
                State::Gone => {}
                State::Hearing { copy, stale, .. } => {
                    let should = self.shown_by(i);
                    if *stale || numbers(copy) != should {
                        return Err(format!("client {i} shows {copy} stale {stale}, should show {should:?}"));
                    }
                }
                other => return Err(format!("client {i} is {other:?}")),
            }
        }
        if self.reads > self.reasons {
            return Err(format!("{} reads for {} reasons", self.reads, self.reasons));
        }
        let counters = self.live.counters();
        if counters.waiting != 0 || counters.reads_in_flight != 0 || counters.reads != self.reads as u64 {
            return Err(format!("counted wrongly: {counters:?}"));
        }
        Ok(())
    }
}

impl Small {
    /// What the client's command answers now.
    fn shown_by(&self, i: usize) -> Vec<u64> {
        let value = |key: &&str| self.value(key.as_bytes());
        self.script.clients[i].command[1..].iter().map(value).collect()
    }

    fn value(&self, key: &[u8]) -> u64 {
        let is_expired = key == b"b" && self.expires_in().is_some_and(|left| left.is_zero());
        if is_expired { EXPIRED } else { self.keys.get(key).copied().unwrap_or(0) }
    }

    /// How long key `b` has still, if it expires.
    fn expires_in(&self) -> Option<Duration> {
        self.script.expires_ms.map(|ms| (BEGINNING + Duration::from_millis(ms)).since(self.now))
    }

    fn write(&mut self) {
        let key = bytes::Bytes::from_static(self.script.writes.pop_front().unwrap().as_bytes());
        self.writes += 1;
        self.keys.insert(key.clone(), self.writes);
        if self.armed.remove(&key) {
            self.news.push(News::Invalidated(key));
        }
    }

    fn execute(&mut self) {
        match self.requests.pop_front().unwrap() {
            BackendRequest::Read { watch, command, keys } => {
                let value = |key: &bytes::Bytes| match self.value(key) {
                    0 => Reply::Null,
                    n => Reply::bulk(n.to_string()),
                };
                let is_volatile = keys.iter().any(|key| key == "b") && self.script.fault != Some(Fault::NoDeadline);
                let expires_in = self.expires_in().filter(|left| is_volatile && !left.is_zero());
                let reply = match command.len() {
                    2 => value(&keys[0]),
                    _ => Reply::Array(keys.iter().map(value).collect()),
                };
                if self.reachable && self.script.fault != Some(Fault::NeverArm) {
                    self.armed.extend(keys.iter().cloned());
                }
                self.not_ready_max -= usize::from(!self.reachable);
                let reply = self.reachable.then_some(reply);
                self.news.push(News::Value { keys, event: BackendEvent::Value { watch, reply, expires_in } });
            }
            BackendRequest::Forget { keys } => keys.iter().for_each(|key| {
                self.armed.remove(key);
            }),
            other => panic!("{other:?}"),
        }
    }

    /// A change is told after the answers to the reads that armed its key; anything may have changed, after all.
    fn may_deliver(&self, i: usize) -> bool {
        let comes_first = |before: &News| match (before, &self.news[i]) {
            (News::Value { keys, .. }, News::Invalidated(key)) => keys.contains(key),
            (News::Value { .. }, News::Control(event)) => *event == BackendEvent::InvalidatedAll,
            (News::Control(_), News::Control(_)) => true,
            _ => false,
        };
        !self.news[..i].iter().any(comes_first)
    }

    fn deliver(&mut self, i: usize, out: &mut Vec<Output>) {
        let event = match self.news.remove(i) {
            News::Value { event, .. } => {
                let BackendEvent::Value { watch, reply, .. } = &event else { unreachable!() };
                self.in_flight.remove(watch);
                self.reasons += usize::from(reply.is_none());
                event
            }
            News::Invalidated(key) => {
                if self.script.fault == Some(Fault::LoseInvalidation) {
                    self.script.fault = None;
                    return;
                }
                self.reasons += self.script.clients.len();
                BackendEvent::Invalidated { keys: vec![key] }
            }
            News::Control(event) => {
                self.reasons += self.script.clients.len();
                event
            }
        };
        self.live.handle_backend(event, self.now, out);
    }

    fn put(&mut self, output: Output) -> Result<(), String> {
        match output {
            Output::Backend(request) => {
                if let BackendRequest::Read { watch, .. } = &request {
                    self.reads += 1;
                    if !self.in_flight.insert(*watch) {
                        return Err("two reads of one watch at once".into());
                    }
                }
                self.requests.push_back(request);
                Ok(())
            }
            Output::Opened { opener, feed, state, stale, .. } => self.opened(opener.0 as usize, feed, state, stale),
            Output::Refused { opener, error } => {
                let was_lost = self.found_at.is_some() || !self.reachable;
                self.script.clients[opener.0 as usize].state = State::Gone;
                if was_lost { Ok(()) } else { Err(format!("refused: {error}")) }
            }
            Output::Event { feed, event } => self.event(feed, &event),
            other => Err(format!("unexpected {other:?}")),
        }
    }

    fn opened(&mut self, i: usize, feed: FeedId, state: Opening, stale: bool) -> Result<(), String> {
        if self.ended.contains(&feed) {
            return Err(format!("{feed} was used before"));
        }
        let Opening::Query { rev, content: Content::Value(_, value), .. } = state else {
            return Err(format!("opened with {state:?}"));
        };
        let client = &mut self.script.clients[i];
        let State::Waiting(asked_at) = &client.state else { return Err("opened twice".into()) };
        let copy = to_json(&value);
        if client.fresh && !stale && !never_back(asked_at, &numbers(&copy)) {
            return Err(format!("opened with {copy}, but {asked_at:?} was there before"));
        }
        client.state = State::Hearing { feed, rev, copy, stale };
        Ok(())
    }

    fn event(&mut self, of: FeedId, event: &FeedEvent) -> Result<(), String> {
        let mut times = 1;
        match self.script.fault {
            Some(Fault::LoseEvent) => (times, self.script.fault) = (0, None),
            Some(Fault::RepeatEvent) => (times, self.script.fault) = (2, None),
            _ => {}
        }
        let mut is_heard = self.ended.contains(&of);
        let found_at = self.found_at.clone();
        for client in &mut self.script.clients {
            let State::Hearing { feed, rev, copy, stale } = &mut client.state else { continue };
            for _ in 0..if *feed == of { times } else { 0 } {
                is_heard = true;
                hear(event, rev, copy, stale, found_at.as_deref())?;
            }
        }
        if is_heard || times == 0 { Ok(()) } else { Err(format!("nobody hears {of}")) }
    }
}

fn hear(
    event: &FeedEvent,
    rev: &mut u64,
    copy: &mut Json,
    stale: &mut bool,
    found_at: Option<&[u64]>,
) -> Result<(), String> {
    let (new_rev, new_copy) = match event {
        FeedEvent::Patch { rev: to, ops, value, .. } => {
            let new = patched(copy, ops);
            if *to != *rev + 1 || ops.is_empty() || new != to_json(value) {
                return Err(format!("patch from {rev} to {to} makes {new} of {copy}, should make {value:?}"));
            }
            (*to, new)
        }
        FeedEvent::Value { rev: to, value, .. } => (*to, to_json(value)),
        FeedEvent::Stale(now) => {
            if *stale == *now {
                return Err(format!("told twice that stale is {now}"));
            }
            *stale = *now;
            // The keys of the first client, in their order, are all the keys: it suffices for worlds of one command.
            let is_old = found_at.is_some_and(|at| at.len() == numbers(copy).len() && !never_back(at, &numbers(copy)));
            return if !now && is_old { Err(format!("{copy} is said to be current")) } else { Ok(()) };
        }
        other => return Err(format!("unexpected {other:?}")),
    };
    if new_rev != *rev + 1 {
        return Err(format!("rev {new_rev} after {rev}"));
    }
    if new_copy == *copy {
        return Err(format!("{copy} was published twice"));
    }
    if !never_back(&numbers(copy), &numbers(&new_copy)) {
        return Err(format!("back from {copy} to {new_copy}"));
    }
    (*rev, *copy) = (new_rev, new_copy);
    Ok(())
}

const GET: &[&str] = &["GET", "a"];
const MGET: &[&str] = &["MGET", "a", "b"];

#[track_caller]
fn check(script: Script) {
    match explore(small(script)) {
        Ok(states) => println!("{states} states"),
        Err(wrong) => panic!("{wrong}"),
    }
}

#[track_caller]
fn must_fail(script: Script) {
    assert!(explore(small(script)).is_err(), "the planted fault was not found");
}

#[test]
fn one_feed() {
    let clients = vec![client(GET, 0)];
    check(Script { writes: ["a", "a", "a", "a"].into(), clients, ..Script::default() });
}

#[test]
fn one_feed_in_a_pace_and_an_opener_that_comes_late() {
    let clients = vec![client(GET, 50), client(GET, 50), client(GET, 50)];
    check(Script { writes: ["a", "a", "a", "a"].into(), clients, ..Script::default() });
}

#[test]
fn two_paces() {
    let clients = vec![client(GET, 16), client(GET, 100), client(GET, 100)];
    check(Script { writes: ["a", "a", "a", "a"].into(), clients, ..Script::default() });
}

#[test]
fn an_opener_that_must_see_what_was_written_before() {
    let clients = vec![client(GET, 16), client(GET, 16).fresh(), client(GET, 0).fresh()];
    check(Script { writes: ["a", "a", "a"].into(), clients, ..Script::default() });
}

#[test]
fn opened_closed_and_opened_again() {
    let clients = vec![client(GET, 16).closes(), client(GET, 16).closes(), client(GET, 50)];
    check(Script { writes: ["a", "a"].into(), clients, ..Script::default() });
}

#[test]
fn two_commands_that_share_a_key() {
    let clients = vec![client(MGET, 0), client(GET, 16).closes(), client(GET, 16)];
    check(Script { writes: ["a", "b", "a"].into(), clients, ..Script::default() });
}

#[test]
fn everything_may_have_changed() {
    let clients = vec![client(MGET, 16), client(GET, 16).closes()];
    check(Script { writes: ["a", "b"].into(), clients, invalidate_all: true, ..Script::default() });
}

#[test]
fn the_backend_is_lost_and_found() {
    let clients = vec![client(GET, 16), client(GET, 50)];
    check(Script { writes: ["a", "a"].into(), clients, outage: true, ..Script::default() });
}

#[test]
fn a_key_expires_and_nobody_tells() {
    let clients = vec![client(MGET, 16), client(MGET, 50)];
    check(Script { writes: ["a", "a"].into(), clients, expires_ms: Some(20), ..Script::default() });
}

#[test]
fn a_deadline_that_is_not_told_is_found() {
    let clients = vec![client(MGET, 16)];
    let fault = Some(Fault::NoDeadline);
    must_fail(Script { writes: ["a"].into(), clients, expires_ms: Some(20), fault, ..Script::default() });
}

#[test]
fn an_invalidation_that_is_lost_is_found() {
    let clients = vec![client(GET, 0)];
    must_fail(Script { writes: ["a", "a"].into(), clients, fault: Some(Fault::LoseInvalidation), ..Script::default() });
}

#[test]
fn an_event_that_is_lost_is_found() {
    let clients = vec![client(GET, 0)];
    must_fail(Script { writes: ["a", "a"].into(), clients, fault: Some(Fault::LoseEvent), ..Script::default() });
}

#[test]
fn an_event_that_comes_twice_is_found() {
    let clients = vec![client(GET, 0)];
    must_fail(Script { writes: ["a", "a"].into(), clients, fault: Some(Fault::RepeatEvent), ..Script::default() });
}

#[test]
fn an_event_that_overtakes_the_opening_is_found() {
    let clients = vec![client(GET, 16), client(GET, 16).fresh()];
    let fault = Some(Fault::EventBeforeOpened);
    must_fail(Script { writes: ["a", "a"].into(), clients, fault, ..Script::default() });
}

#[test]
fn a_key_that_was_not_armed_is_found() {
    let clients = vec![client(GET, 0)];
    must_fail(Script { writes: ["a", "a"].into(), clients, fault: Some(Fault::NeverArm), ..Script::default() });
}

#[test]
fn a_recovery_without_reading_again_is_found() {
    let clients = vec![client(GET, 0)];
    let fault = Some(Fault::SilentRecovery);
    must_fail(Script { writes: ["a", "a"].into(), clients, outage: true, fault, ..Script::default() });
}
