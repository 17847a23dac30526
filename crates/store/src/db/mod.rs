//! One database: keys, their values and their deadlines.
//!
//! Keys lie in a table that grows one small step at a time ([`Dict`]), which also gives `SCAN` and `RANDOMKEY`
//! (see `scan`). Deadlines lie in one ordered set: the soonest is known at any moment, and expiry touches only what is
//! due.
//!
//! A key whose deadline has come does not exist, whether it was removed already or not: every look takes the time.

mod scan;
pub mod txn;

use crate::random::Random;
use crate::types::dict::{Dict, Item};
use crate::types::{Name, Value};
use bytes::Bytes;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

/// A key and what belongs to it: 64 bytes in which keys and strings of up to about twenty bytes lie whole.
#[derive(Debug)]
pub struct Entry {
    key: Name,
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

/// What a deadline takes in its set, about.
const DEADLINE_BYTES: usize = 24;

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

    /// How long the key was not used, in milliseconds, to the tenth of a second.
    pub fn idle_ms(&self, now_ms: u64) -> u64 {
        u64::from(tenths(now_ms).saturating_sub(self.used.get())) * 100
    }

    /// The key is used now.
    pub(crate) fn touch(&self, now_ms: u64) {
        self.used.set(tenths(now_ms));
    }

    /// About how many bytes the key takes in all.
    pub fn memory(&self) -> usize {
        let deadline = if self.deadline_ms.is_some() { DEADLINE_BYTES } else { 0 };
        size_of::<Entry>() + self.key.heap_size() + deadline + self.value.heap_size()
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
    /// Bytes that keys and values take, about.
    memory: usize,
}

impl Db {
    /// A database without keys. `seed` is for hashing: who does not know it cannot make keys collide.
    pub fn new(seed: u64) -> Db {
        Db { keys: Dict::new(seed), deadlines: BTreeSet::new(), seed, memory: 0 }
    }

    /// For the hashing of tables beside it.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
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

    /// Bytes that keys and values take, about.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The key's entry, if it exists now.
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<&Entry> {
        self.keys.get(key).filter(|entry| !entry.is_due(now_ms))
    }

    /// Whether the key is there although its deadline has come.
    pub(crate) fn is_due(&self, key: &[u8], now_ms: u64) -> bool {
        !self.deadlines.is_empty() && self.keys.get(key).is_some_and(|entry| entry.is_due(now_ms))
    }

    /// Lets `edit` change the key's value; `None` if the key does not exist now.
    fn edit<R>(&mut self, key: &[u8], now_ms: u64, edit: impl FnOnce(&mut Value) -> R) -> Option<R> {
        let entry = self.keys.get_mut(key).filter(|entry| !entry.is_due(now_ms))?;
        entry.touch(now_ms);
        let before = entry.memory();
        let result = edit(&mut entry.value);
        self.memory = self.memory.wrapping_add(entry.memory()).wrapping_sub(before);
        Some(result)
    }

    /// Makes the key hold the value until the deadline, whatever it held; what that was comes back.
    fn insert(&mut self, key: &[u8], value: Value, deadline_ms: Option<u64>, now_ms: u64) -> Option<Value> {
        let mut value = Some(value);
        let deadline = deadline_ms.and_then(NonZeroU64::new);
        let (entry, is_new) = self.keys.get_or_insert_with(key, || Entry {
            key: Name::new(key),
            value: value.take().expect("the value was not used yet"),
            deadline_ms: deadline,
            used: Cell::new(tenths(now_ms)),
        });
        let (mut old_deadline, mut old) = (None, None);
        if let Some(value) = value.filter(|_| !is_new) {
            self.memory -= entry.memory();
            old_deadline = entry.deadline_ms();
            old = Some(std::mem::replace(&mut entry.value, value));
            entry.deadline_ms = deadline;
            entry.touch(now_ms);
        }
        self.memory += entry.memory();
        self.note_deadline(key, old_deadline, deadline_ms);
        old
    }

    /// Removes the key, due or not.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let entry = self.keys.remove(key)?;
        self.memory -= entry.memory();
        self.note_deadline(key, entry.deadline_ms(), None);
        Some(entry)
    }

    /// Gives an existing key a deadline, or none.
    fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) {
        let Some(entry) = self.keys.get_mut(key) else { return };
        let old = entry.deadline_ms();
        self.memory -= entry.memory();
        entry.deadline_ms = deadline_ms.and_then(NonZeroU64::new);
        self.memory += entry.memory();
        self.note_deadline(key, old, deadline_ms);
    }

    fn note_deadline(&mut self, key: &[u8], old: Option<u64>, new: Option<u64>) {
        if old == new {
            return;
        }
        let hash = self.keys.hash(key);
        if let Some(old) = old {
            // Two keys of one hash and one deadline, which hardly ever are, share an entry.
            let shared = self.keys.find_by_hash(hash, |entry| entry.deadline_ms() == Some(old)).is_some();
            if !shared {
                self.deadlines.remove(&(old, hash));
            }
        }
        if let Some(new) = new {
            self.deadlines.insert((new, hash));
        }
    }

    /// All keys are used now.
    pub(crate) fn touch_all(&self, now_ms: u64) {
        self.keys.iter().for_each(|entry| entry.touch(now_ms));
    }

    /// The soonest deadline of any key.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The key that is due for the longest time.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Bytes> {
        let (deadline, _) = *self.deadlines.first()?;
        if deadline <= now_ms { self.first_to_end() } else { None }
    }

    /// The key that ends soonest.
    pub(crate) fn first_to_end(&self) -> Option<Bytes> {
        self.deadlines.iter().find_map(|&(deadline, hash)| {
            let found = self.keys.find_by_hash(hash, |entry| entry.deadline_ms() == Some(deadline))?;
            Some(Bytes::copy_from_slice(found.key()))
        })
    }

    /// Any key, due or not, each as likely as any other.
    pub(crate) fn sample(&self, random: &Random) -> Option<&Entry> {
        self.keys.random(random)
    }

    /// The place of a key on the line that a walk follows, whether it is there or not: see [`Db::walk`].
    pub(crate) fn place(&self, key: &[u8]) -> u64 {
        self.keys.hash(key).reverse_bits()
    }

    /// Shows `each` the keys, due or not, from a place on, a few at a time, with the place of each; some of them may lie
    /// before it. Gives the place to go on from, `None` at the end. Places do not change while keys come and go.
    pub(crate) fn walk(&self, from: u64, mut each: impl FnMut(u64, &Entry)) -> Option<u64> {
        let next = self.keys.scan(from.reverse_bits(), 1, |entry| each(self.place(entry.key()), entry));
        Some(next.reverse_bits()).filter(|&next| next != 0)
    }

    /// Takes all keys out, as a database of their own.
    pub(crate) fn take(&mut self) -> Db {
        let seed = self.seed;
        std::mem::replace(self, Db::new(seed))
    }
}
