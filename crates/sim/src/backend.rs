//! The backend of the simulated node: the embedded store, told of as `crates/backend` does, and made unreliable.
//!
//! It keeps the rules of [`model::backend`]: what a lane asks takes effect in order, what it armed is told once, and
//! what cannot be told exactly is told as `InvalidatedAll` and `Interrupted`. What is added is an outage: for a while
//! nothing is answered, then it is known ([`BackendEvent::Stale`]), in the end it is over, and the data may be older
//! than they were, or gone. Everything that is done is entered into the [`History`].

mod outage;

pub use outage::Comeback;

use crate::checks::{Check, Checks};
use crate::faults::{Fault, Faults};
use crate::history::History;
use crate::words;
use bytes::Bytes;
use fastrand::Rng;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::{Args, LaneId, Reply, WatchId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Change, Store};

/// What follows from something, each event with the lane it is for, in order.
pub type Events = Vec<(LaneId, BackendEvent)>;

/// What the backend may use besides itself.
pub struct Env<'a> {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// The run's randomness.
    pub rng: &'a mut Rng,
    /// The planted fault.
    pub faults: &'a mut Faults,
    /// What is broken.
    pub checks: &'a mut Checks,
}

/// Whether the lanes reach it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reach {
    Up,
    /// It is out of reach, and nobody knows yet: requests hang.
    Unnoticed,
    Down,
}

/// A write that was carried out, to be repeated after a restart.
struct Write {
    unix_ms: u64,
    commands: Vec<Args>,
}

/// How often a live query was read, and how often it had a reason to be.
#[derive(Default)]
struct Usage {
    reasons: u64,
    reads: u64,
    /// The lane that reads it: its home.
    lane: Option<LaneId>,
    last: Option<Reply>,
}

/// The store with who wants to know what.
pub struct Backend {
    store: Store,
    seed: u64,
    lanes: u16,
    armed: BTreeMap<Bytes, BTreeSet<LaneId>>,
    subscribers: BTreeMap<ChannelName, BTreeSet<LaneId>>,
    reach: Reach,
    /// Requests that hang.
    held: Vec<(LaneId, BackendRequest)>,
    /// Subscriptions that were asked for while it was out of reach.
    unanswered: Vec<(LaneId, ChannelName)>,
    writes: Vec<Write>,
    /// Its clock is so far ahead, in milliseconds: so that a stream made anew never has the ids of the one before.
    clock_ahead_ms: u64,
    usage: BTreeMap<Vec<String>, Usage>,
    /// Reads of live queries are answered with "not ready" once in so many times; 0: never.
    pub failures_one_in: u32,
    /// No frame is ever skipped for lack of room, and no read fails for itself: then what is told to be current must be.
    pub is_exact: bool,
    /// What it truly did.
    pub history: History,
}

impl Backend {
    /// An empty one for `lanes` lanes.
    pub fn new(seed: u64, lanes: u16) -> Backend {
        Backend {
            store: new_store(seed),
            seed,
            lanes,
            armed: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            reach: Reach::Up,
            held: Vec::new(),
            unanswered: Vec::new(),
            writes: Vec::new(),
            clock_ahead_ms: 0,
            usage: BTreeMap::new(),
            failures_one_in: 0,
            is_exact: false,
            history: History::default(),
        }
    }

    /// A request of a lane.
    pub fn handle(&mut self, from: LaneId, request: BackendRequest, env: &mut Env<'_>, out: &mut Events) {
        match self.reach {
            Reach::Up => self.serve(from, request, env, out),
            Reach::Unnoticed => self.held.push((from, request)),
            Reach::Down => self.fail(from, request, env, out),
        }
    }

    fn serve(&mut self, from: LaneId, request: BackendRequest, env: &mut Env<'_>, out: &mut Events) {
        match request {
            BackendRequest::Command { ticket, command } => {
                let reply = self.execute(&command, env, out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Transaction { ticket, commands } => {
                let reply = self.transaction(&commands, env, out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Read { watch, command, keys } => self.read(from, watch, &command, &keys, env, out),
            BackendRequest::Range { watch, stream, after, bytes_max } => {
                let mut range = self.store.stream_range(&stream, after, bytes_max, self.unix_ms(env));
                if let Ok(range) = &mut range
                    && range.entries.len() > 1
                    && env.faults.strikes(Fault::DropEntry, 2, env.rng)
                {
                    range.entries.remove(0);
                    range.entries_added -= 1;
                }
                self.tell(env, out);
                self.armed.entry(stream).or_default().insert(from);
                out.push((from, BackendEvent::Range { watch, range: Some(range) }));
            }
            BackendRequest::Forget { keys } => self.forget(&keys, from),
            BackendRequest::Subscribe { name } => {
                self.subscribe(&name, from);
                out.push((from, BackendEvent::Subscribed { name }));
            }
            BackendRequest::Unsubscribe { name } => self.unsubscribe(&name, from),
        }
    }

    /// A live query's read.
    fn read(
        &mut self,
        from: LaneId,
        watch: WatchId,
        command: &Args,
        keys: &[Bytes],
        env: &mut Env<'_>,
        out: &mut Events,
    ) {
        let words = line(command);
        let is_ready = self.failures_one_in == 0 || env.rng.u32(0..self.failures_one_in) > 0;
        let is_polled = keys.is_empty();
        let usage = self.usage_of(&words);
        usage.reads += 1;
        let home = *usage.lane.get_or_insert(from);
        env.checks
            .require(home == from, Check::OncePerNode, || format!("{words:?} is read by {home:?} and by {from:?}"));
        if !is_ready {
            usage.reasons += 1;
            out.push((from, BackendEvent::Value { watch, reply: None, expires_in: None }));
            return;
        }
        if let Some(reply) = usage.last.clone().filter(|_| env.faults.strikes(Fault::OldRead, 8, env.rng)) {
            out.push((from, BackendEvent::Value { watch, reply: Some(reply), expires_in: None }));
            return;
        }
        let unix_ms = self.unix_ms(env);
        let reply = self.store.execute(command, unix_ms);
        self.tell(env, out);
        keys.iter().for_each(|key| {
            self.armed.entry(key.clone()).or_default().insert(from);
        });
        let expires_at = self.store.expires_at_ms(0, keys);
        let expires_in = expires_at.map(|at| Duration::from_millis(at.saturating_sub(unix_ms)));
        self.history.seq += 1;
        self.history.answered(&words, &reply);
        let usage = self.usage_of(&words);
        usage.last = Some(reply.clone());
        usage.reasons += u64::from(expires_in.is_some());
        let (reads, reasons) = (usage.reads, usage.reasons);
        env.checks.require(is_polled || reads <= reasons, Check::OncePerNode, || {
            format!("{words:?} was read {reads} times for {reasons} reasons")
        });
        out.push((from, BackendEvent::Value { watch, reply: Some(reply), expires_in }));
    }

    /// Somebody wants to hear this query: a reason to read it.
    pub fn wanted(&mut self, command: &[String]) {
        self.usage.entry(command.to_vec()).or_default().reasons += 1;
    }

    fn usage_of(&mut self, command: &[String]) -> &mut Usage {
        self.usage.entry(command.to_vec()).or_default()
    }

    /// Carries out a command of a client or of the second writer.
    pub fn execute(&mut self, command: &Args, env: &mut Env<'_>, out: &mut Events) -> Reply {
        let unix_ms = self.unix_ms(env);
        let reply = self.store.execute(command, unix_ms);
        self.record(std::slice::from_ref(command), &[&reply], unix_ms, env);
        self.tell(env, out);
        reply
    }

    fn transaction(&mut self, commands: &[Args], env: &mut Env<'_>, out: &mut Events) -> Reply {
        let unix_ms = self.unix_ms(env);
        let reply = self.store.transaction(commands, unix_ms);
        if let Reply::Array(replies) = &reply {
            self.record(commands, &replies.iter().collect::<Vec<_>>(), unix_ms, env);
        }
        self.tell(env, out);
        reply
    }

    fn record(&mut self, commands: &[Args], replies: &[&Reply], unix_ms: u64, env: &mut Env<'_>) {
        let at = self.writes.len();
        for (command, reply) in commands.iter().zip(replies) {
            let result = self.history.executed(&line(command), reply, at);
            env.checks.take("the backend", result.map_err(|what| (Check::Order, what)));
        }
        self.writes.push(Write { unix_ms, commands: commands.to_vec() });
    }

    /// Tells what was changed and published since the last time.
    fn tell(&mut self, env: &mut Env<'_>, out: &mut Events) {
        let is_up = self.reach == Reach::Up;
        let mut changed = Vec::new();
        self.store.drain_changes(|change| changed.push(change));
        let mut told: BTreeMap<LaneId, Vec<Bytes>> = BTreeMap::new();
        for change in changed {
            match change {
                Change::Key { db: 0, key } => {
                    self.look_at(&key, env);
                    for lane in self.armed.remove(&key).unwrap_or_default() {
                        told.entry(lane).or_default().push(key.clone());
                    }
                }
                Change::All { db: 0 } => {
                    words::STREAMS.iter().for_each(|name| self.look_at(name.as_bytes(), env));
                    self.armed.clear();
                    if is_up {
                        self.invalidate_all(out);
                    }
                }
                Change::Key { .. } | Change::All { .. } => {}
            }
        }
        for (lane, keys) in told.into_iter().filter(|_| is_up) {
            if !env.faults.strikes(Fault::DropInvalidated, 10, env.rng) {
                out.push((lane, BackendEvent::Invalidated { keys }));
            }
        }
        let subscribers = &self.subscribers;
        self.store.drain_published(|published| {
            for name in published.names.into_iter().filter(|_| is_up) {
                for &lane in subscribers.get(&name).into_iter().flatten() {
                    if env.faults.strikes(Fault::DropMessage, 20, env.rng) {
                        continue;
                    }
                    let (channel, message) = (published.channel.clone(), published.message.clone());
                    out.push((lane, BackendEvent::Message { name: name.clone(), channel, message }));
                }
            }
        });
    }

    fn look_at(&mut self, key: &[u8], env: &Env<'_>) {
        let Some(name) = words::STREAMS.iter().find(|name| name.as_bytes() == key) else { return };
        let range = self.store.stream_range(key, None, 1, self.unix_ms(env));
        if self.history.look_at_stream(name, range.as_ref().ok()) {
            self.clock_ahead_ms += 1;
        }
    }

    /// A lane hears of a change: a reason to read the queries of these keys, or all if none are named.
    pub fn heard(&mut self, keys: Option<&[Bytes]>) {
        for (command, usage) in &mut self.usage {
            let uses = |key: &Bytes| command.iter().any(|word| word.as_bytes() == key);
            usage.reasons += u64::from(keys.is_none_or(|keys| keys.iter().any(uses)));
        }
    }

    fn invalidate_all(&self, out: &mut Events) {
        out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::InvalidatedAll)));
    }

    fn forget(&mut self, keys: &[Bytes], lane: LaneId) {
        for key in keys {
            if let Some(lanes) = self.armed.get_mut(key) {
                lanes.remove(&lane);
                if lanes.is_empty() {
                    self.armed.remove(key);
                }
            }
        }
    }

    fn subscribe(&mut self, name: &ChannelName, lane: LaneId) {
        let lanes = self.subscribers.entry(name.clone()).or_default();
        if lanes.is_empty() {
            self.store.subscribe(name);
        }
        lanes.insert(lane);
    }

    fn unsubscribe(&mut self, name: &ChannelName, lane: LaneId) {
        let Some(lanes) = self.subscribers.get_mut(name) else { return };
        lanes.remove(&lane);
        if lanes.is_empty() {
            self.subscribers.remove(name);
            self.store.unsubscribe(name);
        }
    }

    /// When the next key ends, in milliseconds since 1970 by the simulator's clock.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.store.next_expiry_ms().map(|at| at.saturating_sub(self.clock_ahead_ms))
    }

    /// Removes keys that are due.
    pub fn expire(&mut self, env: &mut Env<'_>, out: &mut Events) {
        self.store.expire(self.unix_ms(env), 1000);
        self.tell(env, out);
    }

    /// What a command answers now, for comparison.
    pub fn answer(&mut self, command: &[String], unix_ms: u64) -> Reply {
        let command: Args = command.iter().map(|word| word.clone().into()).collect();
        self.store.execute(&command, unix_ms + self.clock_ahead_ms)
    }

    /// What is armed or subscribed.
    pub fn remembers(&self) -> Option<String> {
        let is_empty = self.armed.is_empty() && self.subscribers.is_empty();
        (!is_empty).then(|| format!("armed {:?}, subscribed {:?}", self.armed, self.subscribers))
    }

    fn unix_ms(&self, env: &Env<'_>) -> u64 {
        env.unix_ms + self.clock_ahead_ms
    }
}

fn new_store(seed: u64) -> Store {
    Store::new(store::Config { seed, databases: 1 })
}

/// A command as text: everybody here writes UTF-8.
pub fn line(command: &[Bytes]) -> Vec<String> {
    command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
