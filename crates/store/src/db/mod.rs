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
use std::cell::Cell;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// How many tables a database has once it has a key. A power of two.
pub(crate) const SHARDS: usize = 1024;

type Shard = IndexMap<Bytes, Entry, RandomState>;

/// What belongs to a key.
#[derive(Debug)]
pub struct Entry {
    /// Its value.
    pub value: Value,
    /// When it ends; a deadline of 0 is never stored, it has always come.
    deadline_ms: Option<NonZeroU64>,
    /// When it was last used, in tenths of a second since 1970 (the low bits). In a cell, since a read is a use.
    used: Cell<u32>,
}

/// A moment as [`Entry`] remembers its last use.
fn tenths(now_ms: u64) -> u32 {
    (now_ms / 100) as u32
}

/// What a key takes beside its name and value: its place in a table, about.
const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<Bytes>() + 24;
/// What a deadline takes in its set, about.
const DEADLINE_BYTES: usize = 64;

impl Entry {
    /// When the key ends, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> Option<u64> {
        self.deadline_ms.map(NonZeroU64::get)
    }

    /// How long the key was not used, in milliseconds, to the tenth of a second.
    pub fn idle_ms(&self, now_ms: u64) -> u64 {
        u64::from(tenths(now_ms).saturating_sub(self.used.get())) * 100
    }

    /// The key is used now.
    pub(crate) fn touch(&self, now_ms: u64) {
        self.used.set(tenths(now_ms));
    }

    /// Bytes that a key of this name takes with this entry, about.
    pub(crate) fn memory(&self, key: &[u8]) -> usize {
        let deadline = if self.deadline_ms.is_some() { DEADLINE_BYTES } else { 0 };
        ENTRY_BYTES + key.len() + deadline + self.value.memory()
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
    /// Bytes that keys and values take, about.
    memory: usize,
}

impl Db {
    /// A database without keys. `seed` is for hashing: who does not know it cannot make keys collide.
    pub fn new(seed: u64) -> Db {
        Db { shards: Vec::new(), len: 0, deadlines: BTreeSet::new(), hasher: table::hasher(seed), memory: 0 }
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

    /// Bytes that keys and values take, about.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The key's entry, if it exists now.
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<&Entry> {
        let entry = self.shards.get(self.shard_of(key))?.get(key)?;
        (!entry.is_due(now_ms)).then_some(entry)
    }

    /// Whether the key is there although its deadline has come.
    pub(crate) fn is_due(&self, key: &[u8], now_ms: u64) -> bool {
        let shard = self.shards.get(self.shard_of(key));
        shard.and_then(|shard| shard.get(key)).is_some_and(|entry| entry.is_due(now_ms))
    }

    /// Lets `edit` change the key's value, due or not; `None` if there is no such key.
    fn edit<R>(&mut self, key: &[u8], now_ms: u64, edit: impl FnOnce(&mut Value) -> R) -> Option<R> {
        let shard = self.shard_of(key);
        let entry = self.shards.get_mut(shard)?.get_mut(key)?;
        entry.touch(now_ms);
        let before = entry.value.memory();
        let result = edit(&mut entry.value);
        self.memory = self.memory.wrapping_add(entry.value.memory()).wrapping_sub(before);
        Some(result)
    }

    /// Makes the key hold the value until the deadline, whatever it held; what that was comes back.
    fn insert(&mut self, key: Bytes, value: Value, deadline_ms: Option<u64>, now_ms: u64) -> Option<Value> {
        if self.shards.is_empty() {
            self.shards = (0..SHARDS).map(|_| Shard::with_hasher(self.hasher.clone())).collect();
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, key.clone()));
        }
        let shard = self.shard_of(&key);
        let used = Cell::new(tenths(now_ms));
        let entry = Entry { value, deadline_ms: deadline_ms.and_then(NonZeroU64::new), used };
        self.memory += entry.memory(&key);
        match self.shards[shard].entry(key) {
            indexmap::map::Entry::Vacant(vacant) => {
                vacant.insert(entry);
                self.len += 1;
                None
            }
            indexmap::map::Entry::Occupied(mut occupied) => {
                let old = occupied.insert(entry);
                self.memory -= old.memory(occupied.key());
                let deadline = old.deadline_ms();
                if let Some(deadline) = deadline.filter(|_| deadline != deadline_ms) {
                    self.deadlines.remove(&(deadline, occupied.key().clone()));
                }
                Some(old.value)
            }
        }
    }

    /// Removes the key, due or not.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<(Bytes, Entry)> {
        let shard = self.shard_of(key);
        let (_, key, entry) = self.shards.get_mut(shard)?.swap_remove_full(key)?;
        self.len -= 1;
        self.memory -= entry.memory(&key);
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
            self.memory -= DEADLINE_BYTES;
        }
        entry.deadline_ms = deadline_ms.and_then(NonZeroU64::new);
        if let Some(deadline) = deadline_ms {
            self.deadlines.insert((deadline, key.clone()));
            self.memory += DEADLINE_BYTES;
        }
    }

    /// The soonest deadline of any key.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The key that is due for the longest time.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Bytes> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now_ms).map(|(_, key)| key.clone())
    }

    /// The key that ends soonest.
    pub(crate) fn first_to_end(&self) -> Option<&Bytes> {
        self.deadlines.first().map(|(_, key)| key)
    }

    /// Where the key lies: its table, and its place there; without the key, only the table.
    pub(crate) fn locate(&self, key: &[u8]) -> (usize, Option<usize>) {
        let shard = self.shard_of(key);
        (shard, self.shards.get(shard).and_then(|keys| keys.get_index_of(key)))
    }

    /// How many keys lie in a table.
    pub(crate) fn table_len(&self, shard: usize) -> usize {
        self.shards.get(shard).map_or(0, Shard::len)
    }

    /// What lies at a place of a table.
    pub(crate) fn at_place(&self, shard: usize, position: usize) -> Option<(&Bytes, &Entry)> {
        self.shards.get(shard)?.get_index(position)
    }

    /// Takes all keys out, as a database of their own.
    pub(crate) fn take(&mut self) -> Db {
        let empty =
            Db { shards: Vec::new(), len: 0, deadlines: BTreeSet::new(), hasher: self.hasher.clone(), memory: 0 };
        std::mem::replace(self, empty)
    }

    /// The shard is chosen by bits that the table inside it does not look at first.
    fn shard_of(&self, key: &[u8]) -> usize {
        (self.hasher.hash_one(key) >> 32) as usize & (SHARDS - 1)
    }
}
