//! The embedded store as a backend: it lives on a lane's thread, and tells every lane what the lane has armed.
//!
//! Arming is one shot, as Redis' own client-side caching is: a read arms its keys for the lane that asked; the first
//! change of a key tells all lanes that armed it, and forgets them.

mod manners;
mod service;

use ahash::AHashMap;
use bytes::Bytes;
use manners::Manners;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::{LaneId, Time};
use runtime::{Backend, ClientLimits, ClientOutput, Clock, Moment, Service, Waker};
use smallvec::SmallVec;
use std::hash::BuildHasher;
use std::time::Duration;
use store::{Change, Store};

/// At most so many keys expire in one go, so that a mass expiry does not hold up everything else.
const EXPIRE_KEYS_MAX: usize = 1000;

/// Forty hexadecimal digits that no other start has. Not from the store's randomness: who sees them learns nothing of how it
/// hashes.
fn run_id() -> String {
    const DIGITS: usize = 40;
    let random = std::hash::RandomState::new();
    let digits: String = (0..3_u8).map(|part| format!("{:016x}", random.hash_one(part))).collect();
    digits[..DIGITS].to_owned()
}

/// The store with who wants to know what.
pub struct Embedded {
    store: Store,
    /// Lanes to tell at a key's next change.
    armed: AHashMap<Bytes, SmallVec<[LaneId; 2]>>,
    /// Lanes that hear a channel or pattern.
    subscribers: AHashMap<ChannelName, SmallVec<[LaneId; 2]>>,
    lanes: u16,
    /// For clients of the store's own, from what was not their command.
    outputs: Vec<ClientOutput>,
    /// What those clients may take, as the store's settings say.
    limits: ClientLimits,
    /// Somebody said `SHUTDOWN`.
    wants_end: bool,
    /// From the start on: for how long commands take.
    clock: Option<Clock>,
    manners: Manners,
    /// The words of the command at hand, kept for its capacity.
    words: Vec<Bytes>,
}

type Events = Vec<(LaneId, BackendEvent)>;

impl Embedded {
    /// An empty store for `lanes` lanes; `seed` decides what it chooses at random.
    pub fn new(seed: u64, lanes: u16) -> Embedded {
        let store = Store::new(store::Config { seed, ..store::Config::default() });
        let limits = service::limits(store.settings());
        Embedded {
            store,
            armed: AHashMap::new(),
            subscribers: AHashMap::new(),
            lanes,
            outputs: Vec::new(),
            limits,
            wants_end: false,
            clock: None,
            manners: Manners::new(),
            words: Vec::new(),
        }
    }

    /// Sets settings of Redis by their names, as its configuration file would: `maxclients`, `requirepass`, …
    pub fn set<'a>(&mut self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in settings {
            self.store.settings_mut().set_by_owner(name, value);
        }
        self.limits = service::limits(self.store.settings());
    }

    fn arm(&mut self, key: &Bytes, lane: LaneId) {
        let lanes = self.armed.entry(key.clone()).or_default();
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }

    fn forget(&mut self, keys: &[Bytes], lane: LaneId) {
        for key in keys {
            if let Some(lanes) = self.armed.get_mut(key) {
                lanes.retain(|l| *l != lane);
                if lanes.is_empty() {
                    self.armed.remove(key);
                }
            }
        }
    }

    fn subscribe(&mut self, name: ChannelName, lane: LaneId, out: &mut Events) {
        let lanes = self.subscribers.entry(name.clone()).or_default();
        if lanes.is_empty() {
            self.store.subscribe(&name);
        }
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
        out.push((lane, BackendEvent::Subscribed { name }));
    }

    fn unsubscribe(&mut self, name: &ChannelName, lane: LaneId) {
        let Some(lanes) = self.subscribers.get_mut(name) else { return };
        lanes.retain(|l| *l != lane);
        if lanes.is_empty() {
            self.subscribers.remove(name);
            self.store.unsubscribe(name);
        }
    }

    /// Tells what the last commands changed and published, and keeps what they brought about for the store's own clients.
    fn tell(&mut self, out: &mut Events) {
        self.take_outputs_of_store();
        let Embedded { store, armed, subscribers, lanes, .. } = self;
        let mut told: SmallVec<[(LaneId, Vec<Bytes>); 2]> = SmallVec::new();
        store.drain_changes(|change| match change {
            // One gateway shows one database: the first.
            Change::Key { .. } if armed.is_empty() => {}
            Change::Key { db: 0, key } => {
                for lane in armed.remove(&key).unwrap_or_default() {
                    match told.iter_mut().find(|(l, _)| *l == lane) {
                        Some((_, keys)) => keys.push(key.clone()),
                        None => told.push((lane, vec![key.clone()])),
                    }
                }
            }
            Change::All { db: 0 } => {
                armed.clear();
                out.extend((0..*lanes).map(|lane| (LaneId(lane), BackendEvent::InvalidatedAll)));
            }
            Change::Key { .. } | Change::All { .. } => {}
        });
        out.extend(told.into_iter().map(|(lane, keys)| (lane, BackendEvent::Invalidated { keys })));
        store.drain_published(|published| {
            for name in published.names {
                for &lane in subscribers.get(&name).into_iter().flatten() {
                    let (channel, message) = (published.channel.clone(), published.message.clone());
                    out.push((lane, BackendEvent::Message { name: name.clone(), channel, message }));
                }
            }
        });
    }
}

impl Backend for Embedded {
    fn start(&mut self, clock: Clock, _: Waker) {
        self.clock = Some(clock);
        self.store.set_fact("process_id", &std::process::id().to_string());
        self.store.set_fact("run_id", &run_id());
    }

    fn handle(&mut self, from: LaneId, request: BackendRequest, now: Moment, out: &mut Events) {
        match request {
            BackendRequest::Command { ticket, command } => {
                let reply = self.store.execute(&command, now.unix_ms);
                self.tell(out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Transaction { ticket, commands } => {
                let reply = self.store.transaction(&commands, now.unix_ms);
                self.tell(out);
                out.push((from, BackendEvent::Reply { ticket, reply }));
            }
            BackendRequest::Read { watch, command, keys } => {
                let reply = self.store.execute(&command, now.unix_ms);
                // Should the read have changed anything, it was before: others are told, this lane has the result.
                self.tell(out);
                keys.iter().for_each(|key| self.arm(key, from));
                let expires_at = self.store.expires_at_ms(0, &keys);
                let expires_in = expires_at.map(|at| Duration::from_millis(at.saturating_sub(now.unix_ms)));
                out.push((from, BackendEvent::Value { watch, reply: Some(reply), expires_in }));
            }
            BackendRequest::Range { watch, stream, after, bytes_max } => {
                let range = self.store.stream_range(&stream, after, bytes_max, now.unix_ms);
                self.tell(out);
                self.arm(&stream, from);
                out.push((from, BackendEvent::Range { watch, range: Some(range) }));
            }
            BackendRequest::Forget { keys } => self.forget(&keys, from),
            BackendRequest::Subscribe { name } => self.subscribe(name, from, out),
            BackendRequest::Unsubscribe { name } => self.unsubscribe(&name, from),
        }
    }

    fn next_timeout(&self, now: Moment) -> Option<Time> {
        let at = self.store.next_timeout_ms()?;
        Some(now.time + Duration::from_millis(at.saturating_sub(now.unix_ms)))
    }

    fn handle_timeout(&mut self, now: Moment, out: &mut Events) {
        self.store.handle_timeout(now.unix_ms, EXPIRE_KEYS_MAX);
        self.tell(out);
    }

    fn service(&mut self) -> Option<&mut dyn Service> {
        Some(self)
    }

    fn take_changes(&mut self, out: &mut Events) {
        self.tell(out);
    }

    fn wants_end(&self) -> bool {
        self.wants_end
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
