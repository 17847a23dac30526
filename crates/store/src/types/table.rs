//! A table of names for hashes and sets: a short vector while it is small, then an index map.
//!
//! Both forms are dense, so that a random element costs O(1), and a scan is a walk over positions. The scan goes from the
//! last position to the first: a removal moves the last element into the hole, which is at a lower position than it had,
//! so an element that is present from the scan's first call to its last is always seen.

use ahash::RandomState;
use bytes::Bytes;
use indexmap::IndexMap;

/// Names with a value each: a hash or, with nothing as the value, a set.
#[derive(Clone, Debug)]
pub struct Table<V> {
    /// For the hasher of the large form; passed in, since clients choose the names.
    seed: u64,
    form: Form<V>,
}

/// Fields and their values.
pub type Hash = Table<Bytes>;
/// Members.
pub type Set = Table<()>;

#[derive(Clone, Debug)]
enum Form<V> {
    /// Compared one by one.
    Small(Vec<(Bytes, V)>),
    /// Hashed. Stays so when it shrinks.
    Large(IndexMap<Bytes, V, RandomState>),
}

/// Up to so many names are compared one by one: that is as fast as hashing and takes a third of the memory.
const SMALL_MAX: usize = 32;

impl<V> Table<V> {
    /// A table without names.
    pub fn new(seed: u64) -> Table<V> {
        Table { seed, form: Form::Small(Vec::new()) }
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(pairs) => pairs.len(),
            Form::Large(map) => map.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of this name.
    pub fn get(&self, name: &[u8]) -> Option<&V> {
        match &self.form {
            Form::Small(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            Form::Large(map) => map.get(name),
        }
    }

    /// Whether the name is there.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }

    /// The name and value at a position below [`Table::len`].
    pub fn at(&self, position: usize) -> Option<(&Bytes, &V)> {
        match &self.form {
            Form::Small(pairs) => pairs.get(position).map(|(name, value)| (name, value)),
            Form::Large(map) => map.get_index(position),
        }
    }

    /// Sets the name's value and gives the one it had.
    pub fn insert(&mut self, name: Bytes, value: V) -> Option<V> {
        match &mut self.form {
            Form::Large(map) => map.insert(name, value),
            Form::Small(pairs) => {
                if let Some((_, old)) = pairs.iter_mut().find(|(n, _)| *n == name) {
                    return Some(std::mem::replace(old, value));
                }
                pairs.push((name, value));
                if pairs.len() > SMALL_MAX {
                    self.grow();
                }
                None
            }
        }
    }

    /// Removes the name and gives the value it had.
    pub fn remove(&mut self, name: &[u8]) -> Option<V> {
        match &mut self.form {
            Form::Small(pairs) => {
                let position = pairs.iter().position(|(n, _)| n == name)?;
                Some(pairs.remove(position).1)
            }
            Form::Large(map) => map.swap_remove(name),
        }
    }

    /// Removes what is at the position.
    pub fn remove_at(&mut self, position: usize) -> Option<(Bytes, V)> {
        match &mut self.form {
            Form::Small(pairs) if position < pairs.len() => Some(pairs.remove(position)),
            Form::Small(_) => None,
            Form::Large(map) => map.swap_remove_index(position),
        }
    }

    /// All of it, in order of position.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        let (small, large) = match &self.form {
            Form::Small(pairs) => (Some(pairs), None),
            Form::Large(map) => (None, Some(map)),
        };
        let small = small.into_iter().flatten().map(|(name, value)| (name, value));
        small.chain(large.into_iter().flatten())
    }

    /// The names, in order of position.
    pub fn names(&self) -> impl Iterator<Item = &Bytes> {
        self.iter().map(|(name, _)| name)
    }

    /// Shows `each` the next `count` elements of a scan and gives the next cursor. A scan begins and ends with 0. A small
    /// table is shown in one step, as Redis does.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&Bytes, &V)) -> u64 {
        let Form::Large(map) = &self.form else {
            self.iter().for_each(|(name, value)| each(name, value));
            return 0;
        };
        let begin = match cursor {
            0 => map.len(),
            cursor => map.len().min(usize::try_from(cursor).unwrap_or(usize::MAX)),
        };
        let end = begin.saturating_sub(count.max(1));
        map[end..begin].iter().rev().for_each(|(name, value)| each(name, value));
        end as u64
    }

    fn grow(&mut self) {
        let Form::Small(pairs) = &mut self.form else { return };
        let pairs = std::mem::take(pairs);
        let mut map = IndexMap::with_capacity_and_hasher(2 * pairs.len(), hasher(self.seed));
        map.extend(pairs);
        self.form = Form::Large(map);
    }
}

/// A hasher that who does not know the seed cannot collide.
pub fn hasher(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, seed.rotate_left(17) ^ 0x243f_6a88_85a3_08d3, !seed, seed ^ 0x1319_8a2e_0370_7344)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn name(n: u8) -> Bytes {
        n.to_string().into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_table_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u8..60, any::<u8>()), 0..200)) {
            let mut table = Table::new(7);
            let mut map = BTreeMap::new();
            for (insert, n, value) in steps {
                if insert {
                    prop_assert_eq!(table.insert(name(n), value), map.insert(name(n), value));
                } else {
                    prop_assert_eq!(table.remove(&name(n)), map.remove(&name(n)));
                }
                prop_assert_eq!(table.len(), map.len());
            }
            let got: BTreeMap<_, _> = table.iter().map(|(n, v)| (n.clone(), *v)).collect();
            prop_assert!((0..table.len()).all(|p| table.at(p) == table.iter().nth(p)));
            prop_assert_eq!(got, map);
        }

        #[test]
        fn a_scan_shows_all_that_stays(changes in proptest::collection::vec((any::<bool>(), 100u8..), 0..60), count in 1usize..9) {
            let mut table: Set = Table::new(7);
            (0..=255).for_each(|n| { table.insert(name(n), ()); });
            let mut changes = changes.into_iter();
            let (mut seen, mut cursor) = (BTreeSet::new(), 0);
            loop {
                cursor = table.scan(cursor, count, |n, ()| { seen.insert(n.clone()); });
                if cursor == 0 {
                    break;
                }
                for (insert, n) in changes.by_ref().take(3) {
                    if insert { table.insert(name(n), ()); } else { table.remove(&name(n)); }
                }
            }
            prop_assert!((0..100).all(|n| seen.contains(&name(n))), "names below 100 were there all the time");
        }
    }
}
