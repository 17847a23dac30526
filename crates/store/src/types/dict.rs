//! A hash table that grows and shrinks one small step at a time: linear hashing (Litwin 1980).
//!
//! Items lie in buckets of about eight, and a bucket is one allocation. When there are more items than that, *one* bucket
//! is split in two; when there are far fewer, two become one. So no operation ever moves more than a few dozen items, and
//! a table of millions costs the same per item as one of hundreds. In front of a bucket's items lie eight bits of the
//! hash of each, so that a search compares, as a rule, only the name it is looking for.
//!
//! An item's bucket is given by the low bits of its hash, by one more of them in buckets that were split already. Read
//! from the lowest bit on, the hash is a fixed place on a line; buckets are sections of that line, splitting and
//! joining only moves borders. A scan walks the line, its cursor is how far it came, and so it sees every item that is
//! there from its first call to its last, whatever happens to the table.

use crate::random::Random;
use ahash::RandomState;

/// Items per bucket at which the table gets one bucket more.
const LOAD_MAX: usize = 8;
/// Items per bucket below which it gives one up.
const LOAD_MIN: usize = 2;
/// How many items of a bucket have a tag.
const TAGS: usize = 16;
/// Buckets are allocated so many at a time, so that the list of them never has to be moved.
const SEGMENT: usize = 256;

/// Something with a name, by which a table finds it.
pub trait Item {
    /// The name; it must not change while the item is in a table.
    fn name(&self) -> &[u8];
}

/// A table of items with different names.
#[derive(Clone, Debug)]
pub struct Dict<T> {
    segments: Vec<Vec<Bucket<T>>>,
    buckets: usize,
    len: usize,
    hasher: RandomState,
}

#[derive(Clone, Debug)]
struct Bucket<T> {
    /// The highest byte of the hash of each of the first items.
    tags: [u8; TAGS],
    items: Vec<T>,
}

/// A hasher that who does not know the seed cannot collide.
pub fn hasher(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed.rotate_left(17) ^ 0x243f_6a88_85a3_08d3, !seed, seed ^ 0x1319_8a2e_0370_7344)
}

impl<T: Item> Dict<T> {
    /// A table without items. `seed` is for hashing: who does not know it cannot make names collide.
    pub fn new(seed: u64) -> Dict<T> {
        Dict { segments: Vec::new(), buckets: 0, len: 0, hasher: hasher(seed) }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item of this name.
    pub fn get(&self, name: &[u8]) -> Option<&T> {
        let (bucket, at) = self.find(name)?;
        Some(&self.bucket(bucket).items[at])
    }

    /// The item of this name, to be changed in all but its name.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut T> {
        let (bucket, at) = self.find(name)?;
        Some(&mut self.bucket_mut(bucket).items[at])
    }

    /// Whether there is an item of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    /// The item of this name, made first if it is missing; and whether it was.
    pub fn get_or_insert_with(&mut self, name: &[u8], make: impl FnOnce() -> T) -> (&mut T, bool) {
        if self.len >= self.buckets * LOAD_MAX {
            self.split();
        }
        let hash = self.hasher.hash_one(name);
        let number = self.number(hash);
        let found = self.bucket(number).find(hash, name);
        self.len += usize::from(found.is_none());
        let bucket = self.bucket_mut(number);
        let at = found.unwrap_or_else(|| {
            bucket.push(hash, make());
            bucket.items.len() - 1
        });
        (&mut bucket.items[at], found.is_none())
    }

    /// Puts the item in place of the one of the same name, which is given back.
    pub fn insert(&mut self, item: T) -> Option<T> {
        if let Some(held) = self.get_mut(item.name()) {
            return Some(std::mem::replace(held, item));
        }
        if self.len >= self.buckets * LOAD_MAX {
            self.split();
        }
        let hash = self.hasher.hash_one(item.name());
        let number = self.number(hash);
        self.bucket_mut(number).push(hash, item);
        self.len += 1;
        None
    }

    /// Takes the item of this name out.
    pub fn remove(&mut self, name: &[u8]) -> Option<T> {
        let (bucket, at) = self.find(name)?;
        let bucket = &mut self.segments[bucket / SEGMENT][bucket % SEGMENT];
        let item = bucket.remove(at, &self.hasher);
        self.len -= 1;
        if self.len < self.buckets * LOAD_MIN && self.buckets > 1 {
            self.join();
        }
        Some(item)
    }

    /// The hash by which the table finds a name.
    pub fn hash(&self, name: &[u8]) -> u64 {
        self.hasher.hash_one(name)
    }

    /// The item whose name has this hash and for which `is_meant` says so.
    pub fn find_by_hash(&self, hash: u64, is_meant: impl Fn(&T) -> bool) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        let items = &self.bucket(self.number(hash)).items;
        items.iter().find(|item| is_meant(item) && self.hash(item.name()) == hash)
    }

    /// All items, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().flatten().flat_map(|bucket| &bucket.items)
    }

    /// Shows `each` about `count` more items and gives the next cursor. A scan begins and ends with cursor 0.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&T)) -> u64 {
        /// Buckets to look at, per item asked for, before a scan of a table that has shrunk pauses.
        const STEPS: usize = 10;
        let (mut cursor, mut shown, mut steps) = (cursor, 0, count.saturating_mul(STEPS).max(1));
        if self.is_empty() {
            return 0;
        }
        loop {
            let number = self.number(cursor);
            self.bucket(number).items.iter().for_each(&mut each);
            shown += self.bucket(number).items.len();
            cursor = self.next_section(cursor, number);
            steps -= 1;
            if cursor == 0 || shown >= count || steps == 0 {
                return cursor;
            }
        }
    }

    /// An item, each as likely as any other.
    pub fn random(&self, random: &Random) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        loop {
            let items = &self.bucket(random.below(self.buckets)).items;
            // A place that is empty in most buckets: to draw again then is what makes it fair.
            if let Some(item) = items.get(random.below(items.len().max(2 * LOAD_MAX))) {
                return Some(item);
            }
        }
    }

    /// How many bytes the table takes beside what its items point to.
    pub fn memory(&self) -> usize {
        let items: usize = self.len * size_of::<T>();
        // Buckets have room for one or two items more.
        self.buckets * (size_of::<Bucket<T>>() + size_of::<T>()) + items
    }

    fn find(&self, name: &[u8]) -> Option<(usize, usize)> {
        if self.len == 0 {
            return None;
        }
        let hash = self.hasher.hash_one(name);
        let number = self.number(hash);
        Some((number, self.bucket(number).find(hash, name)?))
    }

    /// The bucket in which this hash is.
    fn number(&self, hash: u64) -> usize {
        let mask = self.buckets.next_power_of_two() - 1;
        let number = hash as usize & mask;
        if number < self.buckets { number } else { number & (mask >> 1) }
    }

    /// The cursor behind the section of the line that this bucket is.
    fn next_section(&self, cursor: u64, number: usize) -> u64 {
        let mask = self.buckets.next_power_of_two() - 1;
        let half = mask.div_ceil(2);
        let was_split = number >= half || number + half < self.buckets;
        let mask = if was_split { mask } else { mask >> 1 };
        (cursor | !(mask as u64)).reverse_bits().wrapping_add(1).reverse_bits()
    }

    fn bucket(&self, number: usize) -> &Bucket<T> {
        &self.segments[number / SEGMENT][number % SEGMENT]
    }

    fn bucket_mut(&mut self, number: usize) -> &mut Bucket<T> {
        &mut self.segments[number / SEGMENT][number % SEGMENT]
    }

    /// One bucket more: half of the one that it is split from.
    fn split(&mut self) {
        let new = self.buckets;
        if new.is_multiple_of(SEGMENT) {
            let room = if new == 0 { 1 } else { SEGMENT };
            self.segments.push(Vec::with_capacity(room));
        }
        self.segments[new / SEGMENT].push(Bucket { tags: [0; TAGS], items: Vec::new() });
        self.buckets += 1;
        if new == 0 {
            return;
        }
        let old = parent(new);
        let items = std::mem::take(&mut self.bucket_mut(old).items);
        let hashes: Vec<u64> = items.iter().map(|item| self.hasher.hash_one(item.name())).collect();
        let moved = hashes.iter().filter(|&&hash| self.number(hash) == new).count();
        // With room for the next one or two, as in `Bucket::push`.
        self.bucket_mut(new).items.reserve_exact(moved + 1);
        self.bucket_mut(old).items.reserve_exact(items.len() - moved + 1);
        for (hash, item) in hashes.into_iter().zip(items) {
            let number = self.number(hash);
            self.bucket_mut(number).push(hash, item);
        }
    }

    /// One bucket less: its items go back to the one that it was split from.
    fn join(&mut self) {
        self.buckets -= 1;
        let last = self.buckets;
        let bucket = self.segments[last / SEGMENT].pop().expect("the last bucket");
        if last.is_multiple_of(SEGMENT) {
            self.segments.pop();
        }
        for item in bucket.items {
            let hash = self.hasher.hash_one(item.name());
            self.bucket_mut(parent(last)).push(hash, item);
        }
    }
}

/// The bucket that this one is split from: the same bits without the highest.
fn parent(number: usize) -> usize {
    number & !(1 << number.ilog2())
}

impl<T: Item> Bucket<T> {
    fn find(&self, hash: u64, name: &[u8]) -> Option<usize> {
        let tagged = self.items.len().min(TAGS);
        let mut matches = tag_matches(&self.tags, tag(hash)) & ((1_u32 << tagged) - 1);
        while matches != 0 {
            let at = matches.trailing_zeros() as usize;
            if self.items[at].name() == name {
                return Some(at);
            }
            matches &= matches - 1;
        }
        (TAGS..self.items.len()).find(|&at| self.items[at].name() == name)
    }

    fn push(&mut self, hash: u64, item: T) {
        if self.items.len() == self.items.capacity() {
            self.items.reserve_exact(2);
        }
        if let Some(place) = self.tags.get_mut(self.items.len()) {
            *place = tag(hash);
        }
        self.items.push(item);
    }

    /// The last item takes the place of the one removed.
    fn remove(&mut self, at: usize, hasher: &RandomState) -> T {
        let item = self.items.swap_remove(at);
        let last = self.items.len();
        if at < TAGS && at < last {
            let moved = self.tags.get(last).copied();
            self.tags[at] = moved.unwrap_or_else(|| tag(hasher.hash_one(self.items[at].name())));
        }
        if self.items.capacity() > 2 * last + 4 {
            self.items.shrink_to(last + 2);
        }
        item
    }
}

fn tag(hash: u64) -> u8 {
    (hash >> 56) as u8
}

/// A bit for each tag that equals `tag`. Written so that the compiler compares all of them at once.
fn tag_matches(tags: &[u8; TAGS], tag: u8) -> u32 {
    let mut bits = 0;
    for (at, &other) in tags.iter().enumerate() {
        bits |= u32::from(other == tag) << at;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Name;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[derive(Clone, PartialEq, Debug)]
    struct Pair(Name, u8);

    impl Item for Pair {
        fn name(&self) -> &[u8] {
            &self.0
        }
    }

    fn pair(n: u32, value: u8) -> Pair {
        Pair(Name::new(n.to_string().as_bytes()), value)
    }

    fn filled(count: u32) -> Dict<Pair> {
        let mut dict = Dict::new(7);
        (0..count).for_each(|n| _ = dict.insert(pair(n, 0)));
        dict
    }

    fn scan_all(dict: &Dict<Pair>, count: usize) -> Vec<Vec<u8>> {
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = dict.scan(cursor, count, |pair| seen.push(pair.0.to_vec()));
            if cursor == 0 {
                return seen;
            }
        }
    }

    #[test]
    fn a_quiet_scan_sees_every_item_once() {
        for (items, count) in [(0, 10), (1, 10), (1, 1), (100, 3), (5000, 10), (5000, 1), (3000, 100_000)] {
            let seen = scan_all(&filled(items), count);
            assert_eq!(seen.len(), items as usize);
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), items as usize);
        }
    }

    #[test]
    fn foreign_cursors_end() {
        let dict = filled(1000);
        for cursor in [1, 1023, u64::MAX, u64::MAX / 2, 1 << 40] {
            let mut next = cursor;
            for _ in 0..2000 {
                next = dict.scan(next, 10, |_| ());
                if next == 0 {
                    break;
                }
            }
            assert_eq!(next, 0, "{cursor}");
        }
    }

    #[test]
    fn a_table_gives_back_what_it_took() {
        let mut dict = filled(20_000);
        let most = dict.buckets;
        (0..19_990).for_each(|n| assert!(dict.remove(n.to_string().as_bytes()).is_some(), "{n}"));
        assert!(most > 2000 && dict.buckets < 10, "{most} {}", dict.buckets);
        assert_eq!(dict.iter().count(), 10);
    }

    #[test]
    fn random_items_are_fair() {
        let (dict, random) = (filled(50), Random::new(1));
        let mut seen = [0; 50];
        for _ in 0..50_000 {
            let name = dict.random(&random).unwrap().0.clone();
            seen[std::str::from_utf8(&name).unwrap().parse::<usize>().unwrap()] += 1;
        }
        assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
        assert_eq!(Dict::<Pair>::new(1).random(&random), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_table_is_a_map(steps in proptest::collection::vec((0u8..5, 0u32..300, any::<u8>()), 0..1500)) {
            let (mut dict, mut map) = (Dict::new(7), BTreeMap::new());
            for (step, n, value) in steps {
                let name = n.to_string();
                match step {
                    0 | 1 => prop_assert_eq!(dict.insert(pair(n, value)).map(|old| old.1), map.insert(n, value)),
                    2 => {
                        let (held, added) = dict.get_or_insert_with(name.as_bytes(), || pair(n, value));
                        prop_assert_eq!((held.1, added), (*map.get(&n).unwrap_or(&value), !map.contains_key(&n)));
                        map.entry(n).or_insert(value);
                    }
                    _ => prop_assert_eq!(dict.remove(name.as_bytes()).map(|old| old.1), map.remove(&n)),
                }
                prop_assert_eq!(dict.len(), map.len());
                prop_assert_eq!(dict.get(name.as_bytes()).map(|held| held.1), map.get(&n).copied());
            }
            let want: BTreeSet<Vec<u8>> = map.keys().map(|n| n.to_string().into_bytes()).collect();
            let got: BTreeSet<Vec<u8>> = dict.iter().map(|held| held.0.to_vec()).collect();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn a_scan_shows_all_that_stays(
            changes in proptest::collection::vec((any::<bool>(), 100u32..4000), 0..600),
            count in 1usize..9,
            each_turn in 0usize..40,
        ) {
            let mut dict = filled(600);
            let mut changes = changes.into_iter();
            let (mut seen, mut cursor) = (BTreeSet::new(), 0);
            loop {
                cursor = dict.scan(cursor, count, |pair| _ = seen.insert(pair.0.to_vec()));
                if cursor == 0 {
                    break;
                }
                for (insert, n) in changes.by_ref().take(each_turn) {
                    if insert { dict.insert(pair(n, 1)); } else { dict.remove(n.to_string().as_bytes()); }
                }
            }
            prop_assert!((0..100).all(|n| seen.contains(&pair(n, 0).0[..])), "items below 100 were there all the time");
        }
    }
}
