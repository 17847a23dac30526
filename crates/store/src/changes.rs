//! The change log: what a client that tracks keys would be told of.
//!
//! Only [`Txn`](crate::Txn) and expiry write to it, so a change cannot be made without being logged. It grows until the
//! owner drains it, which it does after every turn.

use ahash::{HashSet, RandomState};
use bytes::Bytes;

/// Something changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A key was written, deleted or has expired.
    Key {
        /// The number of its database.
        db: usize,
        /// Its name.
        key: Bytes,
    },
    /// Any key of the database may have changed (FLUSHDB, FLUSHALL, SWAPDB).
    All {
        /// The database's number.
        db: usize,
    },
}

/// The changes since the last drain, in order.
#[derive(Debug)]
pub(crate) struct Changes {
    /// What was not drained yet.
    log: Vec<Change>,
    /// Where the running command's changes begin in `log`.
    mark: usize,
    /// Hashing for the removal of repeats.
    hasher: RandomState,
}

impl Changes {
    pub(crate) fn new(hasher: RandomState) -> Changes {
        Changes { log: Vec::new(), mark: 0, hasher }
    }

    /// A command begins.
    pub(crate) fn begin(&mut self) {
        self.mark = self.log.len();
    }

    /// The command ends: each key that it changed more than once is told once.
    pub(crate) fn end(&mut self) {
        if self.log.len() < self.mark + 2 {
            return;
        }
        let mut seen = HashSet::with_hasher(self.hasher.clone());
        let changes = self.log.split_off(self.mark);
        self.log.extend(changes.into_iter().filter(|change| match change {
            Change::Key { db, key } => seen.insert((*db, key.clone())),
            Change::All { .. } => true,
        }));
    }

    pub(crate) fn key(&mut self, db: usize, key: Bytes) {
        self.log.push(Change::Key { db, key });
    }

    pub(crate) fn all(&mut self, db: usize) {
        self.log.push(Change::All { db });
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Change)) {
        self.mark = 0;
        self.log.drain(..).for_each(each);
    }
}
