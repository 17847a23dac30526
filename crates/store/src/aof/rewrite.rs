//! A rewrite: the keyspace as it was at one moment, written while it goes on changing.
//!
//! A walk follows each database's line of places from its beginning to its end; a key's place never changes. A key that is
//! about to change and that the walk has not come to is written first, and noted; so is a key that is made after the mark,
//! only that it is not written. When the walk comes to a noted key, it passes by. A large key is written in parts; if it is
//! about to change meanwhile, the rest of it is written first. A database that is emptied is kept here as it was until it
//! is written.

use super::dump::{self, Place};
use super::encode::Encoder;
use crate::db::Db;
use crate::garbage::Garbage;
use crate::types::Name;
use crate::types::dict::Dict;
use bytes::Bytes;

/// A rewrite that is under way.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// By the number of the database now.
    walks: Vec<Walk>,
    /// Databases that were emptied before they were written.
    emptied: Vec<(Walk, Db)>,
    /// Keys that are not to be written (again), by the number of their database at the mark. A table that grows in small
    /// steps, like that of the keys.
    noted: Vec<Dict<Name>>,
    encoder: Encoder,
    /// What was written out of turn.
    early: Vec<u8>,
}

/// How far one database is written.
#[derive(Debug)]
struct Walk {
    /// The number of the database at the mark.
    number: usize,
    /// The place to go on from; `None`: it is through.
    from: Option<u64>,
    /// Large keys that the walk has come to, each with how far it is written.
    large: Vec<(Bytes, Place)>,
}

impl Rewrite {
    pub(super) fn new(databases: &[Db]) -> Rewrite {
        Rewrite {
            walks: (0..databases.len()).map(|number| Walk { number, from: Some(0), large: Vec::new() }).collect(),
            emptied: Vec::new(),
            noted: databases.iter().map(|db| Dict::new(db.seed())).collect(),
            encoder: Encoder::default(),
            early: Vec::new(),
        }
    }

    /// The key is about to be written, made or removed.
    pub(super) fn before_write(&mut self, db: usize, key: &[u8], keys: &Db) {
        let walk = &mut self.walks[db];
        let begun = walk.large.iter().position(|(large, _)| large == key).map(|at| walk.large.swap_remove(at).1);
        if begun.is_none() {
            if walk.from.is_none_or(|from| keys.place(key) < from) {
                return;
            }
            let (_, is_first) = self.noted[walk.number].get_or_insert_with(key, || Name::new(key));
            if !is_first {
                return;
            }
        }
        // One that is due is there too.
        if let Some(entry) = keys.get(key, super::TIMELESS_MS) {
            let from = begun.unwrap_or(Place::Beginning);
            dump::rest(&mut self.encoder, walk.number, entry, from, &mut self.early);
        }
    }

    /// A database was emptied; it comes back if it is not needed here.
    pub(super) fn cleared(&mut self, db: usize, cleared: Db) -> Option<Db> {
        let through = Walk { number: db, from: None, large: Vec::new() };
        let walk = std::mem::replace(&mut self.walks[db], through);
        if walk.from.is_none() && walk.large.is_empty() {
            return Some(cleared);
        }
        self.emptied.push((walk, cleared));
        None
    }

    pub(super) fn swapped(&mut self, a: usize, b: usize) {
        self.walks.swap(a, b);
    }

    /// Writes on until `out` has so many bytes more; whether that was all.
    pub(super) fn step(
        &mut self,
        databases: &[Db],
        bytes_max: usize,
        garbage: &mut Garbage,
        out: &mut Vec<u8>,
    ) -> bool {
        let end = out.len() + bytes_max;
        out.append(&mut self.early);
        let Rewrite { walks, noted, encoder, emptied, .. } = self;
        for (walk, db) in walks.iter_mut().zip(databases) {
            if !walk.on(db, encoder, noted, end, out) {
                return false;
            }
        }
        while let Some((mut walk, db)) = emptied.pop() {
            if !walk.on(&db, encoder, noted, end, out) {
                emptied.push((walk, db));
                return false;
            }
            garbage.database(db);
        }
        true
    }
}

impl Walk {
    /// Writes on until `out` is `end` bytes long; whether the database is through.
    fn on(&mut self, db: &Db, encoder: &mut Encoder, noted: &[Dict<Name>], end: usize, out: &mut Vec<u8>) -> bool {
        /// Parts of a line in one step, at most: passing by noted keys takes time too.
        const PARTS_MAX: usize = 2000;
        let (number, noted) = (self.number, &noted[self.number]);
        for _ in 0..PARTS_MAX {
            if out.len() >= end {
                return false;
            }
            if let Some((key, place)) = self.large.pop() {
                let entry = db.get(&key, super::TIMELESS_MS).expect("a key that changes is finished before");
                let next = dump::part(encoder, number, entry, place, out);
                self.large.extend(next.map(|next| (key, next)));
                continue;
            }
            let Some(from) = self.from else { return true };
            let large = &mut self.large;
            self.from = db.walk(from, |place, entry| match () {
                () if place < from || !noted.is_empty() && noted.contains(entry.key()) => {}
                () if entry.value.elements() > dump::PART => {
                    large.push((Bytes::copy_from_slice(entry.key()), Place::Beginning));
                }
                () => dump::key(encoder, number, entry, out),
            });
        }
        false
    }
}
