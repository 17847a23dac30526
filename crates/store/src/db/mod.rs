//! One database: keys, their values and their deadlines.
//!
//! Keys lie in a table that grows one small step at a time ([`Dict`]), which also gives `SCAN` and `RANDOMKEY`
//! (see `scan`). Deadlines lie in one ordered set: the soonest is known at any moment, and expiry touches only what is
//! due.
//!
//! A key whose deadline has come does not exist, whether it was removed already or not: every look takes the time.

mod scan;
pub mod txn;

use crate::types::dict::{Dict, Item};
use crate::types::{Name, Value};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// A key and what belongs to it: 56 bytes in which keys and strings of up to about twenty bytes lie whole.
#[derive(Debug)]
pub struct Entry {
    key: Name,
    /// Its value.
    pub value: Value,
    /// When it ends; a deadline of 0 is never stored, it has always come.
    deadline_ms: Option<NonZeroU64>,
}

impl Item for Entry {
    fn name(&self) -> &[u8] {
        &self.key
    }
}

impl Entry {
    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// When the key ends, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> Option<u64> {
        self.deadline_ms.map(NonZeroU64::get)
    }

    /// About how many bytes the key takes in all.
    pub fn memory(&self) -> usize {
        size_of::<Entry>() + self.key.heap_size() + self.value.heap_size()
    }

    fn is_due(&self, now_ms: u64) -> bool {
        self.deadline_ms.is_some_and(|deadline| deadline.get() <= now_ms)
    }
}

/// One database.
#[derive(Debug)]
pub struct Db {
    /// All keys, the due ones too.
    keys: Dict<Entry>,
    /// The deadlines, each with the hash of its key: 16 bytes, however long the key is.
    deadlines: BTreeSet<(u64, u64)>,
    /// For the hashing of a table that begins anew.
    seed: u64,
}

impl Db {
    /// A database without keys. `seed` is for hashing: who does not know it cannot make keys collide.
    pub fn new(seed: u64) -> Db {
        Db { keys: Dict::new(seed), deadlines: BTreeSet::new(), seed }
    }

    /// How many keys there are, those that are due but not removed yet included.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys have a deadline.
    pub fn volatile_len(&self) -> usize {
        self.deadlines.len()
    }

    /// The key's entry, if it exists now.
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<&Entry> {
        self.keys.get(key).filter(|entry| !entry.is_due(now_ms))
    }

    /// Whether the key is there although its deadline has come.
    fn is_due(&self, key: &[u8], now_ms: u64) -> bool {
        !self.deadlines.is_empty() && self.keys.get(key).is_some_and(|entry| entry.is_due(now_ms))
    }

    /// The key's value, due or not.
    fn value_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        Some(&mut self.keys.get_mut(key)?.value)
    }

    /// Makes the key hold the value until the deadline, whatever it held.
    fn insert(&mut self, key: &[u8], value: Value, deadline_ms: Option<u64>) {
        let mut value = Some(value);
        let deadline = deadline_ms.and_then(NonZeroU64::new);
        let (entry, is_new) = self.keys.get_or_insert_with(key, || Entry {
            key: Name::new(key),
            value: value.take().expect("the value was not used yet"),
            deadline_ms: deadline,
        });
        let mut old = None;
        if let Some(value) = value.filter(|_| !is_new) {
            old = entry.deadline_ms();
            entry.value = value;
            entry.deadline_ms = deadline;
        }
        self.note_deadline(key, old, deadline_ms);
    }

    /// Removes the key, due or not.
    fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let entry = self.keys.remove(key)?;
        self.note_deadline(key, entry.deadline_ms(), None);
        Some(entry)
    }

    /// Gives an existing key a deadline, or none.
    fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) {
        let Some(entry) = self.keys.get_mut(key) else { return };
        let old = entry.deadline_ms();
        entry.deadline_ms = deadline_ms.and_then(NonZeroU64::new);
        self.note_deadline(key, old, deadline_ms);
    }

    fn note_deadline(&mut self, key: &[u8], old: Option<u64>, new: Option<u64>) {
        if old == new {
            return;
        }
        let hash = self.keys.hash(key);
        if let Some(old) = old {
            self.deadlines.remove(&(old, hash));
        }
        if let Some(new) = new {
            self.deadlines.insert((new, hash));
        }
    }

    /// The soonest deadline of any key.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Removes the key that is due for the longest time, and gives its name.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<Bytes> {
        loop {
            let (deadline, hash) = *self.deadlines.first().filter(|(deadline, _)| *deadline <= now_ms)?;
            let due = self.keys.find_by_hash(hash, |entry| entry.deadline_ms() == Some(deadline));
            match due.map(|entry| Bytes::copy_from_slice(&entry.key)) {
                Some(key) => {
                    self.remove(&key);
                    // Two keys of one hash and one deadline, which hardly ever are, share an entry.
                    if self.keys.find_by_hash(hash, |entry| entry.deadline_ms() == Some(deadline)).is_some() {
                        self.deadlines.insert((deadline, hash));
                    }
                    return Some(key);
                }
                None => _ = self.deadlines.remove(&(deadline, hash)),
            }
        }
    }

    /// Removes all keys.
    pub(crate) fn clear(&mut self) {
        self.keys = Dict::new(self.seed);
        self.deadlines = BTreeSet::new();
    }
}
