//! The embedded store, told of as `crates/backend` does, and made unreliable.
//!
//! It keeps the rules of [`model::backend`]: what a lane asks takes effect in order, what it armed is told once, and
//! what cannot be told exactly is told as `InvalidatedAll` and `Interrupted`. What is added is an outage: for a while
//! nothing is answered, then it is known ([`BackendEvent::Stale`]), in the end it is over, and the data may be older
//! than they were, or gone.

use super::{Env, Events};
use crate::data::{Data, line};
use crate::faults::Fault;
use crate::plan::Plan;
use crate::usage::Usages;
use bytes::Bytes;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::{Args, LaneId, Reply, WatchId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::Change;

/// Whether the lanes reach it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    Up,
    /// It is out of reach, and nobody knows yet: requests hang.
    Unnoticed,
    Down,
}

/// Who wants to know what.
pub struct Embedded {
    pub(super) lanes: u16,
    pub(super) armed: BTreeMap<Bytes, BTreeSet<LaneId>>,
    pub(super) subscribers: BTreeMap<ChannelName, BTreeSet<LaneId>>,
    pub(super) reach: Reach,
    /// Requests that hang.
    pub(super) held: Vec<(LaneId, BackendRequest)>,
    /// Subscriptions that were asked for while it was out of reach.
    pub(super) unanswered: Vec<(LaneId, ChannelName)>,
    /// Reads of live queries are answered with "not ready" once in so many times; 0: never.
    pub failures_one_in: u32,
}

impl Embedded {
    /// Nobody wants to know anything yet.
    pub fn new(plan: &Plan) -> Embedded {
        Embedded {
            lanes: plan.lanes,
            armed: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            reach: Reach::Up,
            held: Vec::new(),
            unanswered: Vec::new(),
            failures_one_in: if plan.has_failures { 40 } else { 0 },
        }
    }

    /// A request of a lane.
    pub fn handle(
        &mut self,
        from: LaneId,
        request: BackendRequest,
        data: &mut Data,
        usages: &mut Usages,
        env: &mut Env<'_>,
        out: &mut Events,
    ) {
        match self.reach {
            Reach::Up => self.serve(from, request, data, usages, env, out),
            Reach::Unnoticed => self.held.push((from, request)),
            Reach::Down => self.fail(from, request, data, usages, env, out),
        }
    }

    fn serve(
        &mut self,
        from: LaneId,
        request: BackendRequest,
        data: &mut Data,
        usages: &mut Usages,
        env: &mut Env<'_>,
        out: &mut Events,
    ) {
        match request {
            BackendRequest::Command { ticket, command } => {
                let reply = self.execute(&command, data, env, out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Transaction { ticket, commands } => {
                let reply = data.transaction(&commands, 0, env.unix_ms, env.checks);
                self.tell(data, env, out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Read { watch, command, keys } => {
                let read = Read { from, watch, command, keys: &keys };
                self.read(&read, data, usages, env, out);
            }
            BackendRequest::Range { watch, stream, after, bytes_max } => {
                let mut range = data.stream_range(&stream, after, bytes_max, env.unix_ms);
                if let Ok(range) = &mut range
                    && range.entries.len() > 1
                    && env.faults.strikes(Fault::DropEntry, 2, env.rng)
                {
                    range.entries.remove(0);
                    range.entries_added -= 1;
                }
                self.tell(data, env, out);
                self.armed.entry(stream).or_default().insert(from);
                out.push((from, BackendEvent::Range { watch, range: Some(range) }));
            }
            BackendRequest::Forget { keys } => self.forget(&keys, from),
            BackendRequest::Subscribe { name } => {
                self.subscribe(&name, from, data);
                out.push((from, BackendEvent::Subscribed { name }));
            }
            BackendRequest::Unsubscribe { name } => self.unsubscribe(&name, from, data),
        }
    }

    /// A live query's read.
    fn read(&mut self, read: &Read<'_>, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        let Read { from, watch, command, keys } = read;
        let (from, watch) = (*from, *watch);
        let words = line(command);
        let is_ready = self.failures_one_in == 0 || env.rng.u32(0..self.failures_one_in) > 0;
        usages.read(&words, from, env.checks);
        if !is_ready {
            usages.reason(&words);
            out.push((from, BackendEvent::Value { watch, reply: None, expires_in: None }));
            return;
        }
        if let Some(reply) = usages.last(&words).filter(|_| env.faults.strikes(Fault::OldRead, 8, env.rng)) {
            out.push((from, BackendEvent::Value { watch, reply: Some(reply), expires_in: None }));
            return;
        }
        let reply = data.look(command, env.unix_ms);
        self.tell(data, env, out);
        keys.iter().for_each(|key| {
            self.armed.entry(key.clone()).or_default().insert(from);
        });
        let expires_in = data.expires_in_ms(keys, env.unix_ms).map(Duration::from_millis);
        data.history.seq += 1;
        data.history.answered(&words, &reply);
        usages.answered(&words, &reply);
        if expires_in.is_some() {
            usages.reason(&words);
        }
        if !keys.is_empty() {
            usages.check(&words, env.checks);
        }
        out.push((from, BackendEvent::Value { watch, reply: Some(reply), expires_in }));
    }

    /// Carries out a command of a client or of the second writer.
    pub fn execute(&mut self, command: &Args, data: &mut Data, env: &mut Env<'_>, out: &mut Events) -> Reply {
        let reply = data.execute(command, 0, env.unix_ms, env.checks);
        self.tell(data, env, out);
        reply
    }

    /// Tells what was changed and published since the last time.
    pub fn tell(&mut self, data: &mut Data, env: &mut Env<'_>, out: &mut Events) {
        let is_up = self.reach == Reach::Up;
        let (changes, published) = data.drain(env.unix_ms);
        let mut told: BTreeMap<LaneId, Vec<Bytes>> = BTreeMap::new();
        for change in changes {
            match change {
                Change::Key { db: 0, key } => {
                    for lane in self.armed.remove(&key).unwrap_or_default() {
                        told.entry(lane).or_default().push(key.clone());
                    }
                }
                Change::All { db: 0 } => {
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
        for message in published {
            for name in message.names.into_iter().filter(|_| is_up) {
                for &lane in self.subscribers.get(&name).into_iter().flatten() {
                    if env.faults.strikes(Fault::DropMessage, 20, env.rng) {
                        continue;
                    }
                    let (channel, message) = (message.channel.clone(), message.message.clone());
                    out.push((lane, BackendEvent::Message { name: name.clone(), channel, message }));
                }
            }
        }
    }

    pub(super) fn invalidate_all(&self, out: &mut Events) {
        out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::InvalidatedAll)));
    }

    pub(super) fn forget(&mut self, keys: &[Bytes], lane: LaneId) {
        for key in keys {
            if let Some(lanes) = self.armed.get_mut(key) {
                lanes.remove(&lane);
                if lanes.is_empty() {
                    self.armed.remove(key);
                }
            }
        }
    }

    pub(super) fn subscribe(&mut self, name: &ChannelName, lane: LaneId, data: &mut Data) {
        let lanes = self.subscribers.entry(name.clone()).or_default();
        if lanes.is_empty() {
            data.subscribe(name);
        }
        lanes.insert(lane);
    }

    pub(super) fn unsubscribe(&mut self, name: &ChannelName, lane: LaneId, data: &mut Data) {
        let Some(lanes) = self.subscribers.get_mut(name) else { return };
        lanes.remove(&lane);
        if lanes.is_empty() {
            self.subscribers.remove(name);
            data.unsubscribe(name);
        }
    }

    /// What is armed or subscribed.
    pub fn remembers(&self) -> Option<String> {
        let is_empty = self.armed.is_empty() && self.subscribers.is_empty();
        (!is_empty).then(|| format!("armed {:?}, subscribed {:?}", self.armed, self.subscribers))
    }
}

/// A live query's read.
struct Read<'a> {
    from: LaneId,
    watch: WatchId,
    command: Args,
    keys: &'a [Bytes],
}
