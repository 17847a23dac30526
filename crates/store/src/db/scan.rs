//! Walks over a database: `SCAN`, `KEYS`, `RANDOMKEY`.
//!
//! A scan keeps Redis' promise because the table's does ([`Dict`](crate::types::dict::Dict)): a key that is there from the
//! first call to the last is always seen; keys that come or go meanwhile may be seen or not.

use super::{Db, Entry};
use crate::random::Random;

impl Db {
    /// Shows `each` about `count` more keys and gives the next cursor. A scan begins and ends with cursor 0.
    pub fn scan(&self, cursor: u64, count: usize, now_ms: u64, mut each: impl FnMut(&[u8], &Entry)) -> u64 {
        self.keys.scan(cursor, count, |entry| {
            if !entry.is_due(now_ms) {
                each(&entry.key, entry);
            }
        })
    }

    /// All keys that exist now.
    pub fn iter(&self, now_ms: u64) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.keys.iter().filter(move |entry| !entry.is_due(now_ms)).map(|entry| (&*entry.key, entry))
    }

    /// A key that exists now, each as likely as any other.
    pub fn random_key(&self, random: &Random, now_ms: u64) -> Option<&[u8]> {
        /// Tries before the rare database that is nearly all due keys is walked instead.
        const TRIES: usize = 100;
        let drawn = (0..TRIES).filter_map(|_| self.keys.random(random)).find(|entry| !entry.is_due(now_ms));
        drawn.or_else(|| self.iter(now_ms).next().map(|(_, entry)| entry)).map(Entry::key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Text, Value};
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn db(keys: std::ops::Range<u32>) -> Db {
        let mut db = Db::new(3);
        keys.for_each(|n| {
            db.insert(&name(n), Value::Str(Text::new(b"")), None, 0);
        });
        db
    }

    fn name(n: u32) -> Bytes {
        n.to_string().into()
    }

    fn scan_all(db: &Db, count: usize) -> Vec<Bytes> {
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = db.scan(cursor, count, 0, |key, _| seen.push(Bytes::copy_from_slice(key)));
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
            for _ in 0..2000 {
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
                cursor = db.scan(cursor, count, 0, |key, _| { seen.insert(Bytes::copy_from_slice(key)); });
                if cursor == 0 {
                    break;
                }
                for (insert, n) in changes.by_ref().take(5) {
                    if insert { db.insert(&name(n), Value::Str(Text::new(b"")), None, 0); } else { db.remove(&name(n)); }
                }
            }
            prop_assert!((0..1000).all(|n| seen.contains(&name(n))));
        }
    }
}
