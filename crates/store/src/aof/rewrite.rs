//! A rewrite: the keyspace as it was at one moment, written while it goes on changing.
//!
//! A cursor walks over every table of every database from its last place to its first. A key that is about to change and
//! that the cursor has not come to is written first, and noted; so is a key that is made after the mark, only that it is
//! not written. When the cursor comes to a noted key, it passes by.
//!
//! Removing a key moves the last one of its table into the hole: from where the cursor was already to where it will
//! come. Such a key is noted as well. A database that is emptied is kept here as it was until it is written.

use super::dump;
use super::encode::Encoder;
use crate::db::{Db, SHARDS};
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
    /// The table the cursor is in; [`SHARDS`] when it is through.
    shard: usize,
    /// So many places of it are still to come; `None`: all.
    left: Option<usize>,
}

impl Walk {
    const fn through(number: usize) -> Walk {
        Walk { number, shard: SHARDS, left: None }
    }

    /// Whether the cursor is still to come to this place.
    fn is_ahead(&self, shard: usize, position: usize) -> bool {
        shard > self.shard || shard == self.shard && self.left.is_none_or(|left| position < left)
    }
}

impl Rewrite {
    pub(super) fn new(databases: usize) -> Rewrite {
        Rewrite {
            walks: (0..databases).map(|number| Walk { number, shard: 0, left: None }).collect(),
            emptied: Vec::new(),
            noted: AHashSet::new(),
            encoder: Encoder::default(),
            early: Vec::new(),
        }
    }

    /// The key is about to be written, made or removed.
    pub(super) fn before_write(&mut self, db: usize, key: &[u8], keys: &Db) {
        let walk = self.walks[db];
        let (shard, position) = keys.locate(key);
        if shard < walk.shard {
            return;
        }
        let place = |key: &[u8]| (walk.number, Bytes::copy_from_slice(key));
        let Some(position) = position else {
            self.noted.insert(place(key));
            return;
        };
        if !walk.is_ahead(shard, position) {
            return;
        }
        if self.noted.insert(place(key))
            && let Some((key, entry)) = keys.at_place(shard, position)
        {
            dump::key(&mut self.encoder, walk.number, key, entry, &mut self.early);
        }
        // Should it be removed, the last of its table comes here.
        let last = keys.table_len(shard) - 1;
        if !walk.is_ahead(shard, last)
            && let Some((moved, _)) = keys.at_place(shard, last)
        {
            self.noted.insert(place(moved));
        }
    }

    /// A database was emptied; it comes back if it is not needed here.
    pub(super) fn cleared(&mut self, db: usize, cleared: Db) -> Option<Db> {
        let walk = std::mem::replace(&mut self.walks[db], Walk::through(db));
        if walk.shard == SHARDS {
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
            if !walk.on(db, &mut self.encoder, &mut self.noted, end, out) {
                return false;
            }
        }
        while let Some((walk, db)) = self.emptied.last_mut() {
            if !walk.on(db, &mut self.encoder, &mut self.noted, end, out) {
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
        noted: &mut AHashSet<(usize, Bytes)>,
        end: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        /// Places that are looked at in one step, at most: passing by noted keys takes time too.
        const LOOKS_MAX: usize = 10_000;
        let mut looks = 0;
        while self.shard < SHARDS {
            let len = db.table_len(self.shard);
            let mut left = self.left.map_or(len, |left| left.min(len));
            while left > 0 {
                if out.len() >= end || looks == LOOKS_MAX {
                    self.left = Some(left);
                    return false;
                }
                looks += 1;
                left -= 1;
                let Some((key, entry)) = db.at_place(self.shard, left) else { continue };
                if !noted.remove(&(self.number, key.clone())) {
                    dump::key(encoder, self.number, key, entry, out);
                }
            }
            (self.shard, self.left) = (self.shard + 1, None);
        }
        true
    }
}
