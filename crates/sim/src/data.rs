//! The data of either backend: the store, and all that was ever done to it.
//!
//! What is carried out is entered into the [`History`] and kept, so that a restart can bring back what was there some
//! writes ago by doing those again.

use crate::checks::{Check, Checks};
use crate::history::History;
use crate::words;
use bytes::Bytes;
use model::backend::ChannelName;
use model::stream::StreamRange;
use model::{Args, EntryId, Error, Reply};
use store::{Change, Published, Store};

/// A write that was carried out, to be repeated after a restart.
struct Write {
    unix_ms: u64,
    commands: Vec<Args>,
}

/// The store and what it truly did. Times are milliseconds since 1970 by the simulator's clock.
pub struct Data {
    store: Store,
    seed: u64,
    writes: Vec<Write>,
    /// Its clock is so far ahead, in milliseconds: so that a stream made anew never has the ids of the one before.
    clock_ahead_ms: u64,
    /// What it truly did.
    pub history: History,
}

impl Data {
    /// No keys yet.
    pub fn new(seed: u64) -> Data {
        Data { store: new_store(seed), seed, writes: Vec::new(), clock_ahead_ms: 0, history: History::default() }
    }

    /// Carries out a command of a client or of the second writer, who is told from others by `sender`: what one sender
    /// sends is carried out in order.
    pub fn execute(&mut self, command: &Args, sender: u64, unix_ms: u64, checks: &mut Checks) -> Reply {
        let now_ms = unix_ms + self.clock_ahead_ms;
        let reply = self.store.execute(command, now_ms);
        self.record(std::slice::from_ref(command), &[&reply], sender, now_ms, checks);
        reply
    }

    /// Carries out a transaction.
    pub fn transaction(&mut self, commands: &[Args], sender: u64, unix_ms: u64, checks: &mut Checks) -> Reply {
        let now_ms = unix_ms + self.clock_ahead_ms;
        let reply = self.store.transaction(commands, now_ms);
        if let Reply::Array(replies) = &reply {
            self.record(commands, &replies.iter().collect::<Vec<_>>(), sender, now_ms, checks);
        }
        reply
    }

    fn record(&mut self, commands: &[Args], replies: &[&Reply], sender: u64, now_ms: u64, checks: &mut Checks) {
        let at = self.writes.len();
        for (command, reply) in commands.iter().zip(replies) {
            let result = self.history.executed(&line(command), reply, at, sender);
            checks.take("the backend", result.map_err(|what| (Check::Order, what)));
        }
        self.writes.push(Write { unix_ms: now_ms, commands: commands.to_vec() });
    }

    /// Carries out what changes nothing.
    pub fn look(&mut self, command: &[Bytes], unix_ms: u64) -> Reply {
        self.store.execute(command, unix_ms + self.clock_ahead_ms)
    }

    /// Carries out at one moment what changes nothing.
    pub fn look_at_all(&mut self, commands: &[Args], unix_ms: u64) -> Reply {
        self.store.transaction(commands, unix_ms + self.clock_ahead_ms)
    }

    /// What a command answers now, for comparison.
    pub fn answer(&mut self, command: &[String], unix_ms: u64) -> Reply {
        let command: Args = command.iter().map(|word| word.clone().into()).collect();
        self.look(&command, unix_ms)
    }

    /// A part of a stream.
    pub fn stream_range(
        &self,
        stream: &[u8],
        after: Option<EntryId>,
        bytes_max: usize,
        unix_ms: u64,
    ) -> Result<StreamRange, Error> {
        self.store.stream_range(stream, after, bytes_max, unix_ms + self.clock_ahead_ms)
    }

    /// In how many milliseconds the first of these keys ends.
    pub fn expires_in_ms(&self, keys: &[Bytes], unix_ms: u64) -> Option<u64> {
        let now_ms = unix_ms + self.clock_ahead_ms;
        self.store.expires_at_ms(0, keys).map(|at| at.saturating_sub(now_ms))
    }

    /// When the next key ends.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.store.next_expiry_ms().map(|at| at.saturating_sub(self.clock_ahead_ms))
    }

    /// Removes keys that are due.
    pub fn expire(&mut self, unix_ms: u64) {
        self.store.expire(unix_ms + self.clock_ahead_ms, 1000);
    }

    /// Removes those of these keys that are due, as a server does that is asked for them.
    pub fn expire_of(&mut self, keys: &[Bytes], unix_ms: u64) {
        for key in keys {
            if self.expires_in_ms(std::slice::from_ref(key), unix_ms) == Some(0) {
                self.look(&[Bytes::from_static(b"DEL"), key.clone()], unix_ms);
            }
        }
    }

    /// What changed and was published since the last time, in order.
    pub fn drain(&mut self, unix_ms: u64) -> (Vec<Change>, Vec<Published>) {
        let (mut changes, mut published) = (Vec::new(), Vec::new());
        self.store.drain_changes(|change| changes.push(change));
        self.store.drain_published(|message| published.push(message));
        for change in &changes {
            match change {
                Change::Key { db: 0, key } => self.look_at(key, unix_ms),
                Change::All { db: 0 } => self.look_at_streams(unix_ms),
                Change::Key { .. } | Change::All { .. } => {}
            }
        }
        (changes, published)
    }

    fn look_at_streams(&mut self, unix_ms: u64) {
        words::STREAMS.iter().for_each(|name| self.look_at(name.as_bytes(), unix_ms));
    }

    fn look_at(&mut self, key: &[u8], unix_ms: u64) {
        let Some(name) = words::STREAMS.iter().find(|name| name.as_bytes() == key) else { return };
        let range = self.stream_range(key, None, 1, unix_ms);
        if self.history.look_at_stream(name, range.as_ref().ok()) {
            self.clock_ahead_ms += 1;
        }
    }

    /// Somebody subscribes.
    pub fn subscribe(&mut self, name: &ChannelName) {
        self.store.subscribe(name);
    }

    /// Somebody does no more.
    pub fn unsubscribe(&mut self, name: &ChannelName) {
        self.store.unsubscribe(name);
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.writes.len()
    }

    /// Forgets the writes from this one on, and who subscribed.
    pub fn go_back(&mut self, at: usize, unix_ms: u64) {
        self.store = new_store(self.seed);
        self.writes.truncate(at);
        for write in &self.writes {
            match &write.commands[..] {
                [command] => drop(self.store.execute(command, write.unix_ms)),
                commands => drop(self.store.transaction(commands, write.unix_ms)),
            }
        }
        self.store.drain_changes(|_| {});
        self.store.drain_published(|_| {});
        self.history.went_back(at);
        self.look_at_streams(unix_ms);
    }
}

fn new_store(seed: u64) -> Store {
    Store::new(store::Config { seed, databases: 1, ..store::Config::default() })
}

/// A command as text: everybody here writes UTF-8.
pub fn line(command: &[Bytes]) -> Vec<String> {
    command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
