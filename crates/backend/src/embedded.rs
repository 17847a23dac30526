//! The embedded store as a backend: it lives on a lane's thread, and tells every lane what the lane has armed.
//!
//! Arming is one shot, as Redis' own client-side caching is: a read arms its keys for the lane that asked; the first
//! change of a key tells all lanes that armed it, and forgets them.
//!
//! With files ([`Embedded::open`]), nothing leaves before what it tells of is written: see `files`. Large values that nobody
//! needs any more are freed on a thread of their own.

mod manners;
mod service;

use crate::files::{Files, OpenError};
use ahash::AHashMap;
use bytes::Bytes;
use manners::Manners;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::error::UNAVAILABLE;
use model::{LaneId, Reply, Time};
use runtime::{Backend, ClientLimits, ClientOutput, Clock, Measure, Moment, Report, Service, Waker};
use smallvec::SmallVec;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use store::{Change, Discarded, Store};

/// At most so many keys expire in one go, so that a mass expiry does not hold up everything else.
const EXPIRE_KEYS_MAX: usize = 250;

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
    /// Where the store's data is kept, if it is.
    files: Option<Files>,
    /// The last moment that was told.
    now: Moment,
    /// What waits to be answered to the store's own clients is not kept as it should be.
    is_unkept: bool,
    /// Takes what is to be freed elsewhere, from the start on.
    freeing: Option<Sender<Vec<Discarded>>>,
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
            files: None,
            now: Moment { time: Time::ZERO, unix_ms: 0 },
            is_unkept: false,
            freeing: None,
        }
    }

    /// A setting of Redis as it is in force.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.store.settings().get(name)
    }

    /// Keeps the store's data in a directory, in Redis' own format, and loads what is there. Before the start, and
    /// behind [`Embedded::set`].
    ///
    /// # Errors
    /// When another process has the directory, and when what is there cannot be read; each says what to do.
    pub fn open(&mut self, data: &Path) -> Result<(), OpenError> {
        let begun = Clock::start();
        let (files, found) = Files::open(data, &mut self.store, begun.moment().unix_ms)?;
        self.set([("appendonly", "yes"), ("dir", &data.display().to_string())]);
        if !found.ignored.is_empty() {
            tracing::warn!(
                files = found.ignored.join(" "),
                "these are not in the manifest of the log, and were not read"
            );
        }
        if found.failed > 0 {
            tracing::warn!(
                commands = found.failed,
                "commands of the log failed when they were loaded, and were passed by"
            );
        }
        let keys: usize = (0..self.store.databases()).map(|db| self.store.keys(db)).sum();
        let ms = begun.now().since(Time(1)).as_millis() as u64;
        let (commands, bytes) = (found.commands, found.bytes);
        tracing::info!(keys, commands, bytes, ms, data = %data.display(), "loaded");
        self.files = Some(files);
        Ok(())
    }

    /// Sets settings of Redis by their names, as its configuration file would: `maxclients`, `requirepass`, …
    pub fn set<'a>(&mut self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in settings {
            self.store.set_by_owner(name, value);
        }
        self.limits = service::limits(self.store.settings());
    }

    /// Sets what one reply may hold, in bytes, to a lane and to the store's own clients: over it, there is an error in its place.
    pub fn limit_replies(&mut self, lane_bytes_max: usize, client_bytes_max: usize) {
        self.store.limit_replies(lane_bytes_max, client_bytes_max);
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

/// What is kept, and what is thrown away.
impl Embedded {
    /// Writes what the store did; whether it is kept as it should be. If not, the store's own clients are not told either.
    fn commit_files(&mut self) -> bool {
        let Some(files) = &mut self.files else { return true };
        let is_kept = files.commit(&mut self.store, self.now);
        self.is_unkept |= !is_kept;
        is_kept
    }

    /// From now on large values are freed on another thread: a list of a million elements takes longer than a turn has.
    fn free_elsewhere(&mut self) {
        let (give, given) = channel::<Vec<Discarded>>();
        let thread =
            std::thread::Builder::new().name("store-free".to_owned()).spawn(move || given.into_iter().for_each(drop));
        match thread {
            Ok(_) => {
                self.store.collect_garbage(true);
                self.freeing = Some(give);
            }
            Err(error) => tracing::warn!(%error, "there is no thread to free large values"),
        }
    }

    fn discard(&mut self) {
        let Some(freeing) = &self.freeing else { return };
        let mut all = Vec::new();
        self.store.drain_garbage(|discarded| all.push(discarded));
        if !all.is_empty() {
            // The thread lives as long as there is who gives it something.
            let _ = freeing.send(all);
        }
    }
}

impl Backend for Embedded {
    fn start(&mut self, clock: Clock, waker: Waker) {
        self.clock = Some(clock);
        self.now = clock.moment();
        self.store.set_fact("process_id", &std::process::id().to_string());
        self.store.set_fact("run_id", &run_id());
        let mut secret = [0; 32];
        match getrandom::fill(&mut secret) {
            Ok(()) => self.store.set_secret(secret),
            Err(error) => tracing::warn!(%error, "ACL GENPASS makes its passwords of the store's seed"),
        }
        self.free_elsewhere();
        if let Some(files) = &mut self.files
            && let Err(error) = files.start(&waker)
        {
            tracing::error!(%error, "there are no threads for the store's files: they are never synced, and never rewritten");
        }
    }

    fn handle(&mut self, from: LaneId, request: BackendRequest, now: Moment, out: &mut Events) {
        self.now = now;
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

    fn take_events(&mut self, _: &mut Events, now: Moment) {
        self.now = now;
        if let Some(files) = &mut self.files {
            files.work(&mut self.store, now);
        }
    }

    fn commit(&mut self, out: &mut Events, now: Moment) {
        self.now = now;
        if self.commit_files() {
            return;
        }
        let why = "the log could not be written: what was asked for may be kept or not";
        for (_, event) in out {
            if let BackendEvent::Reply { reply, .. } = event {
                *reply = Reply::error(format!("{UNAVAILABLE} {why}"));
            }
        }
    }

    fn flush(&mut self) {
        self.commit_files();
        self.discard();
    }

    fn stop(&mut self) {
        if let Some(files) = &mut self.files {
            files.stop(&mut self.store, self.now);
        }
    }

    fn next_timeout(&self, now: Moment) -> Option<Time> {
        let store = self.store.next_timeout_ms();
        let store = store.map(|at| now.time + Duration::from_millis(at.saturating_sub(now.unix_ms)));
        let files = self.files.as_ref().and_then(|files| files.next_timeout(self.store.settings(), now));
        [store, files].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Moment, out: &mut Events) {
        self.now = now;
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

    fn report(&self) -> Report {
        let measure = |name, help, value| Measure { name, help, label: None, value };
        let keys: usize = (0..self.store.databases()).map(|db| self.store.keys(db)).sum();
        let mut measures = vec![
            measure("keywire_store_keys", "Keys of the embedded store.", keys as u64),
            measure("keywire_store_memory_bytes", "What keys and values take, about.", self.store.memory() as u64),
            measure(
                "keywire_store_refusals_total",
                "Commands and passwords that the rules of users of the RESP port refused.",
                self.store.refusals(),
            ),
        ];
        if self.files.is_some() {
            let files = self.store.persistence();
            measures.extend([
                measure("keywire_store_log_bytes", "The size of the store's log.", files.log_bytes),
                measure("keywire_store_log_rewrites_total", "Rewrites of the log.", files.rewrites),
                measure(
                    "keywire_store_log_delayed_syncs_total",
                    "Writes that a slow sync held up.",
                    files.delayed_syncs,
                ),
                measure(
                    "keywire_store_log_failing",
                    "1 while the log cannot be written, and writes are refused.",
                    files.write_error.is_some().into(),
                ),
            ]);
        }
        Report { is_reachable: true, measures, round_trips: None }
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
