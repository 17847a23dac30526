//! A rewrite: the keyspace as it was at one moment, written while it goes on changing.
//!
//! A walk follows each database's line of places from its beginning to its end; a key's place never changes. A key that is
//! about to change and that the walk has not come to is written first, and noted; so is a key that is made after the mark,
//! only that it is not written. When the walk comes to a noted key, it passes by. A database that is emptied is
//! kept here as it was until it is written.

use super::dump;
use super::encode::Encoder;
use crate::db::Db;
use ahash::AHashSet;
use bytes::Bytes;

/// A rewrite that is under way.
#[derive(Debug)]
pub(super) struct Rewrite {
    /// By the number of the database now.
    walks: Vec<Walk>,
    /// Databases that were emptied before they were written.
    emptied: Vec<(Walk, Db)>,
    /// Keys that are not to be written (again), with the number of their database at the mark.
    noted: AHashSet<(usize, Bytes)>,
    encoder: Encoder,
    /// What was written out of turn.
    early: Vec<u8>,
}

/// How far one database is written.
#[derive(Clone, Copy, Debug)]
struct Walk {
    /// The number of the database at the mark.
    number: usize,
    /// The place to go on from; `None`: it is through.
    from: Option<u64>,
}

impl Rewrite {
    pub(super) fn new(databases: usize) -> Rewrite {
        Rewrite {
            walks: (0..databases).map(|number| Walk { number, from: Some(0) }).collect(),
            emptied: Vec::new(),
            noted: AHashSet::new(),
            encoder: Encoder::default(),
            early: Vec::new(),
        }
    }

    /// The key is about to be written, made or removed.
    pub(super) fn before_write(&mut self, db: usize, key: &[u8], keys: &Db) {
        let walk = self.walks[db];
        if walk.from.is_none_or(|from| keys.place(key) < from) {
            return;
        }
        let is_first = self.noted.insert((walk.number, Bytes::copy_from_slice(key)));
        // One that is due is there too.
        if let Some(entry) = keys.get(key, super::TIMELESS_MS).filter(|_| is_first) {
            dump::key(&mut self.encoder, walk.number, entry, &mut self.early);
        }
    }

    /// A database was emptied; it comes back if it is not needed here.
    pub(super) fn cleared(&mut self, db: usize, cleared: Db) -> Option<Db> {
        let walk = std::mem::replace(&mut self.walks[db], Walk { number: db, from: None });
        if walk.from.is_none() {
            return Some(cleared);
        }
        self.emptied.push((walk, cleared));
        None
    }

    pub(super) fn swapped(&mut self, a: usize, b: usize) {
        self.walks.swap(a, b);
    }

    /// Writes on until `out` has so many bytes more; whether that was all.
    pub(super) fn step(&mut self, databases: &[Db], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let end = out.len() + bytes_max;
        out.append(&mut self.early);
        for (walk, db) in self.walks.iter_mut().zip(databases) {
            if !walk.on(db, &mut self.encoder, &self.noted, end, out) {
                return false;
            }
        }
        while let Some((walk, db)) = self.emptied.last_mut() {
            if !walk.on(db, &mut self.encoder, &self.noted, end, out) {
                return false;
            }
            self.emptied.pop();
        }
        true
    }
}

impl Walk {
    /// Writes on until `out` is `end` bytes long; whether the database is through.
    fn on(
        &mut self,
        db: &Db,
        encoder: &mut Encoder,
        noted: &AHashSet<(usize, Bytes)>,
        end: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        /// Parts of a line in one step, at most: passing by noted keys takes time too.
        const PARTS_MAX: usize = 2000;
        let mut parts = 0;
        while let Some(from) = self.from {
            if out.len() >= end || parts == PARTS_MAX {
                return false;
            }
            parts += 1;
            let number = self.number;
            self.from = db.walk(from, |place, entry| {
                let is_noted = || !noted.is_empty() && noted.contains(&(number, Bytes::copy_from_slice(entry.key())));
                if place >= from && !is_noted() {
                    dump::key(encoder, number, entry, out);
                }
            });
        }
        true
    }
}
