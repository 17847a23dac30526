//! Clients that wait: for a key to have something (`BLPOP`, `XREAD BLOCK`), for a moment (`WAIT`), for the end of a
//! pause.
//!
//! A waiting command is simply tried again when one of its keys was written, in the order in which clients began to
//! wait for that key, after the command or transaction that wrote it is done. So what it does and answers is said
//! in one place, and it takes effect as if it came at that moment.

use super::{ClientId, Place};
use crate::commands::Command;
use ahash::AHashMap;
use bytes::Bytes;
use indexmap::IndexSet;
use model::{Args, Reply};
use std::collections::{BTreeSet, VecDeque};

/// Different keys, in the order in which a command named them.
pub type Keys = IndexSet<Bytes, ahash::RandomState>;

/// What a command that cannot be answered yet waits for; the command says it.
#[derive(Clone, PartialEq, Debug)]
pub struct Wait {
    /// The keys that may let it go on.
    pub keys: Keys,
    /// When it is answered at the latest, in milliseconds since 1970.
    pub deadline_ms: Option<u64>,
    /// What it is answered then.
    pub otherwise: Reply,
    /// What it is answered where nothing may wait, in a transaction.
    pub at_once: Reply,
    /// The arguments to try again with, where they are not those it came with (`$` is the end of a stream *now*).
    pub args: Option<Vec<Bytes>>,
    /// How it goes on.
    pub(crate) resume: Resume,
}

impl Wait {
    /// For one of these keys, at the latest until the deadline, answered with the null of an array then.
    pub fn for_keys(keys: &[Bytes], deadline_ms: Option<u64>) -> Wait {
        Wait {
            keys: keys.iter().cloned().collect(),
            deadline_ms,
            otherwise: Reply::NullArray,
            at_once: Reply::NullArray,
            args: None,
            resume: Resume::Never,
        }
    }

    /// For an element of this list: as [`Wait::for_keys`], but it would be answered by no array.
    pub fn for_element(key: &Bytes, deadline_ms: Option<u64>) -> Wait {
        Wait { at_once: Reply::Null, ..Wait::for_keys(std::slice::from_ref(key), deadline_ms) }
    }

    /// For the deadline alone.
    pub fn for_moment(deadline_ms: Option<u64>, otherwise: Reply) -> Wait {
        let at_once = otherwise.clone();
        Wait { keys: Keys::default(), deadline_ms, otherwise, at_once, args: None, resume: Resume::Never }
    }
}

/// How a client that waits goes on.
#[derive(Clone, Debug)]
pub(crate) enum Resume {
    /// Only by its deadline.
    Never,
    /// This command is tried again, in this database.
    Command { db: usize, command: &'static Command, line: Args },
    /// The command line was not looked at: a pause was on.
    Paused { line: Args },
}

impl PartialEq for Resume {
    fn eq(&self, other: &Resume) -> bool {
        match (self, other) {
            (Resume::Never, Resume::Never) => true,
            (Resume::Command { db, line, .. }, Resume::Command { db: d, line: l, .. }) => db == d && line == l,
            (Resume::Paused { line }, Resume::Paused { line: l }) => line == l,
            _ => false,
        }
    }
}

/// Who waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_key: AHashMap<Place, VecDeque<ClientId>>,
    /// Keys that were written since somebody who waits for them was last looked after.
    ready: IndexSet<Place, ahash::RandomState>,
    deadlines: BTreeSet<(u64, ClientId)>,
    /// Clients held by a pause, in order.
    pub(crate) paused: VecDeque<ClientId>,
    /// How many clients wait for keys or a moment.
    count: usize,
}

impl Waiting {
    /// A client begins to wait for these keys of a database.
    pub(crate) fn add(&mut self, client: ClientId, db: usize, keys: &Keys, deadline_ms: Option<u64>) {
        self.count += 1;
        for key in keys {
            let queue = self.by_key.entry((db, key.clone())).or_default();
            if queue.back() != Some(&client) {
                queue.push_back(client);
            }
        }
        self.deadlines.extend(deadline_ms.map(|deadline| (deadline, client)));
    }

    /// It waits no more.
    pub(crate) fn remove(&mut self, client: ClientId, db: usize, keys: &Keys, deadline_ms: Option<u64>) {
        self.count -= 1;
        for key in keys {
            let place = (db, key.clone());
            if let Some(queue) = self.by_key.get_mut(&place) {
                queue.retain(|c| *c != client);
                if queue.is_empty() {
                    self.by_key.remove(&place);
                }
            }
        }
        if let Some(deadline) = deadline_ms {
            self.deadlines.remove(&(deadline, client));
        }
    }

    /// A key was written.
    pub(crate) fn touched(&mut self, db: usize, key: &Bytes) {
        if self.by_key.is_empty() {
            return;
        }
        let place = (db, key.clone());
        if self.by_key.contains_key(&place) {
            self.ready.insert(place);
        }
    }

    /// Any key of the database may be another now.
    pub(crate) fn touched_all(&mut self, db: usize) {
        let keys: Vec<Bytes> = self.by_key.keys().filter(|(of, _)| *of == db).map(|(_, key)| key.clone()).collect();
        keys.iter().for_each(|key| self.touched(db, key));
    }

    /// The keys that were written, with who waits for them, the longest first.
    pub(crate) fn take_ready(&mut self) -> Vec<(Place, Vec<ClientId>)> {
        let ready = std::mem::take(&mut self.ready);
        let clients = |place: &Place| self.by_key.get(place).into_iter().flatten().copied().collect();
        ready.into_iter().map(|place| (place.clone(), clients(&place))).collect()
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The soonest deadline.
    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A client whose deadline has come.
    pub(crate) fn due(&self, now_ms: u64) -> Option<ClientId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now_ms).map(|(_, client)| *client)
    }

    /// How many keys somebody waits for.
    pub(crate) fn keys(&self) -> usize {
        self.by_key.len()
    }

    /// How many clients wait, paused ones not counted.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}
