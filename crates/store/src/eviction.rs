//! `maxmemory`: which keys make room.
//!
//! As in Redis the choice is by samples: a few random keys are compared, and the best of them goes. So nothing has to be
//! kept in order at every read, and with the usual five samples the choice is nearly as good. Only what ends soonest is
//! known exactly.

use crate::client::Touch;
use crate::db::{Db, Entry};
use crate::random::Random;
use crate::settings::Policy;
use crate::state::State;
use bytes::Bytes;

/// Draws of a random key before a database with few keys that have a deadline gives the one that ends soonest instead.
const DRAWS_MAX: usize = 64;

impl State {
    /// Removes keys until what is in use is within the limit, at most `keys_max` of them. Whether writes may go on: there
    /// is room, or more keys can go.
    pub(crate) fn make_room(&mut self, now_ms: u64, keys_max: usize) -> bool {
        let mut evicted = 0;
        while self.memory() > self.settings.maxmemory {
            if evicted == keys_max {
                return true;
            }
            let Some((db, key)) = self.victim(now_ms) else { return false };
            self.end(db, &key, Touch::Evicted);
            self.log.commit();
            evicted += 1;
        }
        true
    }

    /// The key that is to go next, in whichever database it is.
    fn victim(&self, now_ms: u64) -> Option<(usize, Bytes)> {
        let (policy, samples) = (self.settings.policy, self.settings.samples);
        let best = |db: &Db| best_of(db, &self.random, policy, samples, now_ms);
        let candidates = self.databases.iter().enumerate().filter_map(|(number, db)| {
            let (score, key) = best(db)?;
            Some((score, number, key))
        });
        candidates.max_by_key(|(score, ..)| *score).map(|(_, db, key)| (db, key))
    }
}

/// The best of a few keys of a database, with how good it is: greater is better.
fn best_of(db: &Db, random: &Random, policy: Policy, samples: usize, now_ms: u64) -> Option<(u64, Bytes)> {
    let first_to_end = || db.first_to_end().cloned();
    match policy {
        Policy::NoEviction => None,
        Policy::VolatileTtl => {
            let deadline = db.next_deadline_ms()?;
            first_to_end().map(|key| (u64::MAX - deadline, key))
        }
        _ if policy.is_volatile() && db.volatile_len() == 0 => None,
        Policy::AllKeysRandom | Policy::VolatileRandom => {
            let key = drawn(db, random, policy).map(|(key, _)| key.clone()).or_else(first_to_end)?;
            Some((random.next(), key))
        }
        Policy::AllKeysLru | Policy::VolatileLru => {
            let sampled = (0..samples).filter_map(|_| drawn(db, random, policy));
            let idle = sampled.map(|(key, entry)| (entry.idle_ms(now_ms), key.clone()));
            idle.max_by_key(|(idle, _)| *idle).or_else(|| Some((0, first_to_end()?)))
        }
    }
}

fn drawn<'a>(db: &'a Db, random: &Random, policy: Policy) -> Option<(&'a Bytes, &'a Entry)> {
    let fits = |entry: &Entry| !policy.is_volatile() || entry.deadline_ms().is_some();
    (0..DRAWS_MAX).filter_map(|_| db.sample(random)).find(|(_, entry)| fits(entry))
}
