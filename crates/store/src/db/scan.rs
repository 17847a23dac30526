//! Walks over a database: `SCAN`, `KEYS`, `RANDOMKEY`.
//!
//! A scan goes shard by shard, and in a shard from the last position to the first. A removal moves the shard's last
//! key to a lower position and never to a higher one, so a key that is there from the first call to the last is always
//! seen, as Redis promises; keys that come or go meanwhile may be seen or not, and none twice unless it came again.

use super::{Db, Entry, SHARDS};
use crate::random::Random;
use bytes::Bytes;

impl Db {
    /// Shows `each` about `count` more keys and gives the next cursor. A scan begins and ends with cursor 0.
    pub fn scan(&self, cursor: u64, count: usize, now_ms: u64, mut each: impl FnMut(&Bytes, &Entry)) -> u64 {
        let (mut shard, mut end) = Cursor::decode(cursor);
        let mut left = count.max(1);
        while let Some(keys) = self.shards.get(shard) {
            let from = end.min(keys.len());
            let to = from.saturating_sub(left);
            let live = keys[to..from].iter().rev().filter(|(_, entry)| !entry.is_due(now_ms));
            live.for_each(|(key, entry)| each(key, entry));
            left -= from - to;
            if to > 0 {
                return Cursor::encode(shard, to);
            }
            (shard, end) = (shard + 1, usize::MAX);
            if left == 0 {
                return self.begin_from(shard);
            }
        }
        0
    }

    /// All keys that exist now.
    pub fn iter(&self, now_ms: u64) -> impl Iterator<Item = (&Bytes, &Entry)> {
        self.shards.iter().flatten().filter(move |(_, entry)| !entry.is_due(now_ms))
    }

    /// A key that exists now, each as likely as any other.
    pub fn random_key(&self, random: &Random, now_ms: u64) -> Option<&Bytes> {
        /// Tries before the rare database that is nearly all due keys is walked instead.
        const TRIES: usize = 100;
        let drawn = (0..TRIES).filter_map(|_| self.at(random.below(self.len))).find(|(_, entry)| !entry.is_due(now_ms));
        drawn.or_else(|| self.iter(now_ms).next()).map(|(key, _)| key)
    }

    /// Any key, due or not: a random one of a random shard, so those in shorter shards come a little more often.
    pub(crate) fn sample(&self, random: &Random) -> Option<(&Bytes, &Entry)> {
        if self.is_empty() {
            return None;
        }
        let start = random.below(SHARDS);
        let shard = (0..SHARDS).map(|at| &self.shards[(start + at) % SHARDS]).find(|shard| !shard.is_empty())?;
        shard.get_index(random.below(shard.len()))
    }

    /// The key at a position counted through all shards.
    fn at(&self, mut position: usize) -> Option<(&Bytes, &Entry)> {
        for shard in &self.shards {
            match position.checked_sub(shard.len()) {
                Some(rest) => position = rest,
                None => return shard.get_index(position),
            }
        }
        None
    }

    /// The cursor that begins with the first shard from this one on that has keys.
    fn begin_from(&self, shard: usize) -> u64 {
        let rest = self.shards.iter().enumerate().skip(shard);
        let next = rest.map(|(shard, keys)| (shard, keys.len())).find(|&(_, len)| len > 0);
        next.map_or(0, |(shard, len)| Cursor::encode(shard, len))
    }
}

/// A place in a scan as one number: the shard in the low bits, how many of its keys are still to see above them.
struct Cursor;

impl Cursor {
    fn encode(shard: usize, end: usize) -> u64 {
        (end * SHARDS + shard) as u64
    }

    fn decode(cursor: u64) -> (usize, usize) {
        match usize::try_from(cursor) {
            Ok(0) => (0, usize::MAX),
            Ok(cursor) => (cursor % SHARDS, cursor / SHARDS),
            Err(_) => (SHARDS, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Value;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn db(keys: std::ops::Range<u32>) -> Db {
        let mut db = Db::new(3);
        keys.for_each(|n| {
            db.insert(name(n), Value::Str(Bytes::new()), None, 0);
        });
        db
    }

    fn name(n: u32) -> Bytes {
        n.to_string().into()
    }

    fn scan_all(db: &Db, count: usize) -> Vec<Bytes> {
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = db.scan(cursor, count, 0, |key, _| seen.push(key.clone()));
            if cursor == 0 {
                return seen;
            }
        }
    }

    #[test]
    fn a_quiet_scan_sees_every_key_once() {
        for (keys, count) in [(0, 10), (1, 10), (1, 1), (5000, 10), (5000, 1), (5000, 100_000)] {
            let seen = scan_all(&db(0..keys), count);
            assert_eq!(seen.len(), keys as usize);
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), keys as usize);
        }
    }

    #[test]
    fn foreign_cursors_end() {
        let db = db(0..100);
        for cursor in [1, 1023, u64::MAX, u64::MAX / 2, 1 << 40] {
            let mut next = cursor;
            for _ in 0..200 {
                next = db.scan(next, 10, 0, |_, _| ());
                if next == 0 {
                    break;
                }
            }
            assert_eq!(next, 0, "{cursor}");
        }
    }

    #[test]
    fn random_keys_are_fair_and_never_due() {
        let mut db = db(0..4);
        db.set_deadline(b"3", Some(5));
        let random = Random::new(1);
        let mut seen = [0; 4];
        for _ in 0..900 {
            let key = db.random_key(&random, 5).unwrap();
            seen[usize::from(key[0] - b'0')] += 1;
        }
        assert_eq!(seen[3], 0);
        assert!(seen[..3].iter().all(|&n| n > 200), "{seen:?}");
        assert_eq!(Db::new(1).random_key(&random, 0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn keys_that_stay_are_seen(changes in proptest::collection::vec((any::<bool>(), 1000u32..3000), 0..500), count in 1usize..50) {
            let mut db = db(0..2000);
            let mut changes = changes.into_iter();
            let (mut seen, mut cursor) = (BTreeSet::new(), 0);
            loop {
                cursor = db.scan(cursor, count, 0, |key, _| { seen.insert(key.clone()); });
                if cursor == 0 {
                    break;
                }
                for (insert, n) in changes.by_ref().take(5) {
                    if insert { db.insert(name(n), Value::Str(Bytes::new()), None, 0); } else { db.remove(&name(n)); }
                }
            }
            prop_assert!((0..1000).all(|n| seen.contains(&name(n))));
        }
    }
}
