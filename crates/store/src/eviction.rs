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
    let first_to_end = || db.first_to_end();
    match policy {
        Policy::NoEviction => None,
        Policy::VolatileTtl => {
            let deadline = db.next_deadline_ms()?;
            first_to_end().map(|key| (u64::MAX - deadline, key))
        }
        _ if policy.is_volatile() && db.volatile_len() == 0 => None,
        Policy::AllKeysRandom | Policy::VolatileRandom => {
            let key = drawn(db, random, policy).map(name).or_else(first_to_end)?;
            Some((random.next(), key))
        }
        Policy::AllKeysLru | Policy::VolatileLru => {
            let sampled = (0..samples).filter_map(|_| drawn(db, random, policy));
            let idle = sampled.map(|entry| (entry.idle_ms(now_ms), name(entry)));
            idle.max_by_key(|(idle, _)| *idle).or_else(|| Some((0, first_to_end()?)))
        }
    }
}

fn name(entry: &Entry) -> Bytes {
    Bytes::copy_from_slice(entry.key())
}

fn drawn<'a>(db: &'a Db, random: &Random, policy: Policy) -> Option<&'a Entry> {
    let fits = |entry: &Entry| !policy.is_volatile() || entry.deadline_ms().is_some();
    (0..DRAWS_MAX).filter_map(|_| db.sample(random)).find(|entry| fits(entry))
}

#[cfg(test)]
mod tests {
    use crate::{Change, Config, Store};
    use bytes::Bytes;
    use model::Reply;

    fn run(store: &mut Store, line: &str, now_ms: u64) -> Reply {
        let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        store.execute(&words, now_ms)
    }

    /// A store with 1000 keys, the first half of them used long ago, every tenth with a deadline; limited to what is in use.
    fn full(policy: &str) -> Store {
        let mut store = Store::new(Config { seed: 3, databases: 2 });
        for n in 0..1000 {
            run(&mut store, &format!("SET key:{n} {}", "x".repeat(100)), if n < 500 { 1_000 } else { 900_000 });
            if n % 10 == 0 {
                run(&mut store, &format!("PEXPIREAT key:{n} {}", 10_000_000 - n), 1_000);
            }
        }
        let limit = store.memory();
        assert_eq!(
            run(&mut store, &format!("CONFIG SET maxmemory {limit} maxmemory-policy {policy}"), 1_000_000),
            Reply::OK
        );
        store.drain_changes(drop);
        store
    }

    fn evicted(store: &mut Store) -> Vec<u32> {
        let mut all = Vec::new();
        store.drain_changes(|change| {
            if let Change::Key { key, .. } = change
                && let Some(number) = key.strip_prefix(b"key:")
            {
                all.push(std::str::from_utf8(number).unwrap().parse().unwrap());
            }
        });
        all
    }

    fn fill(store: &mut Store) -> Option<String> {
        for n in 0..50 {
            let reply = run(store, &format!("SET new:{n} {}", "x".repeat(100)), 1_000_000 + n);
            if let Some(error) = reply.as_error() {
                return Some(error.to_string());
            }
        }
        None
    }

    #[test]
    fn without_eviction_writes_are_refused_and_reads_and_deletions_are_not() {
        let mut store = full("noeviction");
        assert_eq!(fill(&mut store).as_deref(), Some("OOM command not allowed when used memory > 'maxmemory'."));
        assert!(matches!(run(&mut store, "GET key:1", 1_000_000), Reply::Bulk(_)));
        assert_eq!(run(&mut store, "DEL key:1 key:2 key:3", 1_000_000), Reply::Int(3));
        assert_eq!(run(&mut store, "SET key:1 x", 1_000_000), Reply::OK);
        let lines =
            [vec!["SET".into(), "new:x".into(), "y".repeat(1 << 20).into()]].map(|line: Vec<Bytes>| line.into());
        store.transaction(&lines, 1_000_000);
        assert_eq!(store.transaction(&lines, 1_000_000).as_error().unwrap().code, "EXECABORT");
    }

    #[test]
    fn what_was_used_least_lately_goes() {
        let mut store = full("allkeys-lru");
        assert_eq!(fill(&mut store), None);
        let evicted = evicted(&mut store);
        assert!(
            evicted.len() > 20 && evicted.iter().filter(|&&n| n < 500).count() * 10 >= evicted.len() * 9,
            "{evicted:?}"
        );
        assert!(store.memory() <= store.settings().maxmemory + 1000);
    }

    #[test]
    fn volatile_policies_take_only_keys_that_end() {
        for policy in ["volatile-lru", "volatile-random", "volatile-ttl"] {
            let mut store = full(policy);
            assert_eq!(fill(&mut store), None);
            let evicted = evicted(&mut store);
            assert!(evicted.len() > 20 && evicted.iter().all(|n| n % 10 == 0), "{policy} {evicted:?}");
            if policy == "volatile-ttl" {
                assert_eq!(evicted[..3], [990, 980, 970]);
            }
            let refused = (0..50).find_map(|_| fill(&mut store).filter(|error| error.starts_with("OOM")));
            assert_eq!(refused, None, "what was overwritten needs no room");
        }
    }

    #[test]
    fn a_lowered_limit_is_reached_in_steps() {
        let mut store = full("allkeys-random");
        run(&mut store, "CONFIG SET maxmemory 1", 1_000_000);
        run(&mut store, "GET x", 1_000_000);
        assert_eq!(store.keys(0), 1000 - super::super::store::EVICTED_PER_COMMAND_MAX);
        (0..20).for_each(|_| _ = run(&mut store, "GET x", 1_000_000));
        assert_eq!((store.keys(0), store.memory()), (0, 0));
    }

    #[test]
    fn memory_is_counted_up_and_down_without_drift() {
        let mut store = Store::new(Config { seed: 3, databases: 2 });
        for round in 0..3 {
            for n in 0..200 {
                run(&mut store, &format!("RPUSH l:{n} a b c {round}"), 0);
                run(&mut store, &format!("HSET h:{n} a b c d{round} {n} {round}"), 0);
                run(&mut store, &format!("ZADD z 1 m{n}"), 0);
                run(&mut store, &format!("XADD x {round}-{} f v", n + 1), 0);
                run(&mut store, &format!("EXPIRE l:{n} 100"), 0);
                run(&mut store, &format!("LPOP l:{}", n / 2), 0);
            }
        }
        assert!(store.memory() > 50_000);
        run(&mut store, "XTRIM x MAXLEN 3", 0);
        for n in 0..200 {
            run(&mut store, &format!("PERSIST l:{n}"), 0);
            run(&mut store, &format!("DEL l:{n} h:{n} z x"), 0);
        }
        assert_eq!(store.memory(), 0);
    }
}
