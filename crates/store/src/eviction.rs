//! `maxmemory`: which keys make room.
//!
//! As in Redis the choice of what was used least recently is by samples: a few random keys are drawn for each that goes, and
//! the best of those that were drawn lately goes. So nothing has to be kept in order at every read, and with the usual
//! five samples the choice is nearly as good. What ends soonest is known exactly.

use crate::client::Touch;
use crate::db::{Db, Entry};
use crate::random::Random;
use crate::settings::Policy;
use crate::state::State;
use bytes::Bytes;

/// Draws of a random key before a database with few keys that have a deadline gives the one that ends soonest instead.
const DRAWS_MAX: usize = 64;
/// Keys that are remembered as good to go: Redis' `EVPOOL_SIZE`.
const CANDIDATES_MAX: usize = 16;

/// Keys that were drawn and did not go yet, in the order of how long they were not used when they were drawn.
#[derive(Debug, Default)]
pub(crate) struct Candidates(Vec<Candidate>);

#[derive(Debug)]
struct Candidate {
    idle_ms: u64,
    db: usize,
    key: Bytes,
}

impl Candidates {
    /// A key was drawn: it is remembered if there is room, or if it is better than another.
    fn add(&mut self, db: usize, entry: &Entry, now_ms: u64) {
        let idle_ms = entry.idle_ms(now_ms);
        let all = &mut self.0;
        let is_poor = all.len() == CANDIDATES_MAX && all.first().is_some_and(|worst| worst.idle_ms >= idle_ms);
        if is_poor || all.iter().any(|known| known.db == db && known.key == entry.key()) {
            return;
        }
        if all.len() == CANDIDATES_MAX {
            all.remove(0);
        }
        let at = all.partition_point(|other| other.idle_ms < idle_ms);
        all.insert(at, Candidate { idle_ms, db, key: name(entry) });
    }

    /// The best one that is still there and was not used since.
    fn take(&mut self, databases: &[Db], policy: Policy, now_ms: u64) -> Option<(usize, Bytes)> {
        while let Some(Candidate { idle_ms, db, key }) = self.0.pop() {
            let entry = databases[db].get(&key, 0);
            if entry.is_some_and(|entry| fits(entry, policy) && entry.idle_ms(now_ms) >= idle_ms) {
                return Some((db, key));
            }
        }
        None
    }
}

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
    fn victim(&mut self, now_ms: u64) -> Option<(usize, Bytes)> {
        let State { settings, random, databases, candidates, .. } = self;
        let policy = settings.policy;
        let databases_with_some = || {
            let has_some = |db: &Db| if policy.is_volatile() { db.volatile_len() > 0 } else { !db.is_empty() };
            databases.iter().enumerate().filter(move |(_, db)| has_some(db))
        };
        let soonest = || databases_with_some().min_by_key(|(_, db)| db.next_deadline_ms().unwrap_or(u64::MAX));
        let first_to_end = || soonest().and_then(|(number, db)| Some((number, db.first_to_end()?)));
        match policy {
            Policy::NoEviction => None,
            Policy::VolatileTtl => first_to_end(),
            Policy::AllKeysRandom | Policy::VolatileRandom => {
                let all: Vec<(usize, &Db)> = databases_with_some().collect();
                let (number, db) = *all.get(random.below(all.len().max(1)))?;
                let key = drawn(db, random, policy).map(name).or_else(|| db.first_to_end())?;
                Some((number, key))
            }
            Policy::AllKeysLru | Policy::VolatileLru => {
                for (number, db) in databases_with_some() {
                    let sampled = (0..settings.samples).filter_map(|_| drawn(db, random, policy));
                    sampled.for_each(|entry| candidates.add(number, entry, now_ms));
                }
                candidates.take(databases, policy, now_ms).or_else(first_to_end)
            }
        }
    }
}

fn name(entry: &Entry) -> Bytes {
    Bytes::copy_from_slice(entry.key())
}

fn fits(entry: &Entry, policy: Policy) -> bool {
    !policy.is_volatile() || entry.deadline_ms().is_some()
}

fn drawn<'a>(db: &'a Db, random: &Random, policy: Policy) -> Option<&'a Entry> {
    (0..DRAWS_MAX).filter_map(|_| db.sample(random)).find(|entry| fits(entry, policy))
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
        let mut store = Store::new(Config { seed: 3, databases: 2, ..Config::default() });
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
    fn what_is_used_again_after_it_was_drawn_stays() {
        let mut store = full("allkeys-lru");
        // All are drawn and remembered sooner or later, those with small numbers first.
        for n in 0..3000 {
            run(&mut store, &format!("GET key:{}", n % 20), 1_000_000 + n);
            run(&mut store, &format!("SET new:{n} {}", "x".repeat(100)), 1_000_000 + n);
        }
        let left = (0..20).filter(|n| run(&mut store, &format!("EXISTS key:{n}"), 1_003_000) == Reply::Int(1)).count();
        assert!(left >= 18, "{left} of those that are in use");
    }

    #[test]
    fn databases_make_room_for_one_another() {
        let mut store = full("allkeys-random");
        let words = |line: &str| line.split(' ').map(|w| Bytes::copy_from_slice(w.as_bytes())).collect::<Vec<_>>();
        for n in 0..2000 {
            store.execute_in(1, &words(&format!("SET k:{n} {}", "x".repeat(100))), 1_000_000);
        }
        assert!(store.keys(0) < 500 && store.keys(1) > 300, "{} {}", store.keys(0), store.keys(1));
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
        let mut store = Store::new(Config { seed: 3, databases: 2, ..Config::default() });
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
