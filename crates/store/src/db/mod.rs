//! One database: keys, their values and their deadlines.
//!
//! Keys lie in many small tables, so that growth is many small rehashes and never a long one, and each table is dense,
//! which makes `SCAN` and `RANDOMKEY` simple (see `scan`). Deadlines lie in one ordered set: the soonest is known
//! at any moment, and expiry touches only what is due.
//!
//! A key whose deadline has come does not exist, whether it was removed already or not: every look takes the time.

mod scan;
pub mod txn;

use crate::types::{Value, table};
use ahash::RandomState;
use bytes::Bytes;
use indexmap::IndexMap;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// How many tables a database has once it has a key. A power of two.
const SHARDS: usize = 1024;

type Shard = IndexMap<Bytes, Entry, RandomState>;

/// What belongs to a key.
#[derive(Debug)]
pub struct Entry {
    /// Its value.
    pub value: Value,
    /// When it ends; a deadline of 0 is never stored, it has always come.
    deadline_ms: Option<NonZeroU64>,
}

impl Entry {
    /// When the key ends, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> Option<u64> {
        self.deadline_ms.map(NonZeroU64::get)
    }

    fn is_due(&self, now_ms: u64) -> bool {
        self.deadline_ms.is_some_and(|deadline| deadline.get() <= now_ms)
    }
}

/// One database.
#[derive(Debug)]
pub struct Db {
    /// Empty until the first key comes; then [`SHARDS`] tables.
    shards: Vec<Shard>,
    /// Keys in all shards together, the due ones too.
    len: usize,
    /// Every key that has a deadline, with it.
    deadlines: BTreeSet<(u64, Bytes)>,
    /// Chooses the shard and hashes within it.
    hasher: RandomState,
}

impl Db {
    /// A database without keys. `seed` is for hashing: who does not know it cannot make keys collide.
    pub fn new(seed: u64) -> Db {
        Db { shards: Vec::new(), len: 0, deadlines: BTreeSet::new(), hasher: table::hasher(seed) }
    }

    /// How many keys there are, those that are due but not removed yet included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many keys have a deadline.
    pub fn volatile_len(&self) -> usize {
        self.deadlines.len()
    }

    /// The key's entry, if it exists now.
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<&Entry> {
        let entry = self.shards.get(self.shard_of(key))?.get(key)?;
        (!entry.is_due(now_ms)).then_some(entry)
    }

    /// Whether the key is there although its deadline has come.
    fn is_due(&self, key: &[u8], now_ms: u64) -> bool {
        let shard = self.shards.get(self.shard_of(key));
        shard.and_then(|shard| shard.get(key)).is_some_and(|entry| entry.is_due(now_ms))
    }

    /// The key's value, due or not.
    fn value_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        let shard = self.shard_of(key);
        Some(&mut self.shards.get_mut(shard)?.get_mut(key)?.value)
    }

    /// Makes the key hold the value until the deadline, whatever it held.
    fn insert(&mut self, key: Bytes, value: Value, deadline_ms: Option<u64>) {
        if self.shards.is_empty() {
            self.shards = (0..SHARDS).map(|_| Shard::with_hasher(self.hasher.clone())).collect();
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, key.clone()));
        }
        let shard = self.shard_of(&key);
        let entry = Entry { value, deadline_ms: deadline_ms.and_then(NonZeroU64::new) };
        match self.shards[shard].entry(key) {
            indexmap::map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
                self.len += 1;
            }
            indexmap::map::Entry::Occupied(mut occupied) => {
                let old = occupied.insert(entry).deadline_ms();
                if let Some(old) = old.filter(|_| old != deadline_ms) {
                    self.deadlines.remove(&(old, occupied.key().clone()));
                }
            }
        }
    }

    /// Removes the key, due or not.
    fn remove(&mut self, key: &[u8]) -> Option<(Bytes, Entry)> {
        let shard = self.shard_of(key);
        let (_, key, entry) = self.shards.get_mut(shard)?.swap_remove_full(key)?;
        self.len -= 1;
        if let Some(deadline) = entry.deadline_ms() {
            self.deadlines.remove(&(deadline, key.clone()));
        }
        Some((key, entry))
    }

    /// Gives an existing key a deadline, or none.
    fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) {
        let shard = self.shard_of(key);
        let Some((_, key, entry)) = self.shards.get_mut(shard).and_then(|shard| shard.get_full_mut(key)) else {
            return;
        };
        if let Some(old) = entry.deadline_ms() {
            self.deadlines.remove(&(old, key.clone()));
        }
        entry.deadline_ms = deadline_ms.and_then(NonZeroU64::new);
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, key.clone()));
        }
    }

    /// The soonest deadline of any key.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Removes the key that is due for the longest time, and gives its name.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Bytes> {
        let (_, key) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now_ms)?.clone();
        self.remove(&key);
        Some(key)
    }

    /// Removes all keys.
    pub(crate) fn clear(&mut self) {
        self.shards = Vec::new();
        self.deadlines = BTreeSet::new();
        self.len = 0;
    }

    /// The shard is chosen by bits that the table inside it does not look at first.
    fn shard_of(&self, key: &[u8]) -> usize {
        (self.hasher.hash_one(key) >> 32) as usize & (SHARDS - 1)
    }
}
