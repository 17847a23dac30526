//! The set: members.
//!
//! A small one is a [`Pack`] in the order the members came; a larger one, or one with a long member, is a [`Dict`]. As in
//! Redis, a set never goes back to the small form.

use super::dict::{Dict, Item};
use super::pack::{Pack, STRING_MAX};
use super::{Name, sample};
use crate::number::parse_int;
use crate::random::Random;

/// The most members of the small form (Redis' `set-max-listpack-entries`).
const SMALL_MAX: usize = 128;
/// The most members that Redis keeps in an array of integers (its `set-max-intset-entries`).
const INTSET_MAX: usize = 512;

/// A set.
#[derive(Clone, Debug)]
pub struct Set(Form);

#[derive(Clone, Debug)]
enum Form {
    Small(Pack),
    Large(Box<Large>),
}

#[derive(Clone, Debug)]
struct Large {
    members: Dict<Name>,
    /// Bytes that the members take beside the table.
    heap: usize,
    /// Whether Redis would still hold it as integers.
    is_intset: bool,
}

impl Item for Name {
    fn name(&self) -> &[u8] {
        self
    }
}

impl Default for Set {
    fn default() -> Set {
        Set::new()
    }
}

impl Set {
    /// A set without members.
    pub fn new() -> Set {
        Set(Form::Small(Pack::new()))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.len(),
            Form::Large(large) => large.members.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Small(pack) => pack.find(member, 1).is_some(),
            Form::Large(large) => large.members.contains(member),
        }
    }

    /// Adds a member; whether it is new. `seed` is for hashing, should it grow large now.
    pub fn insert(&mut self, member: &[u8], seed: u64) -> bool {
        self.grow_for(member, seed);
        match &mut self.0 {
            Form::Small(pack) => {
                let is_new = pack.find(member, 1).is_none();
                if is_new {
                    pack.push(&[member]);
                }
                is_new
            }
            Form::Large(large) => large.insert(member),
        }
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Small(pack) => {
                let found = pack.find(member, 1);
                found.iter().for_each(|&at| pack.remove(at, 1));
                found.is_some()
            }
            Form::Large(large) => {
                let removed = large.members.remove(member);
                large.heap -= removed.as_ref().map_or(0, Name::heap_size);
                removed.is_some()
            }
        }
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let (small, large) = match &self.0 {
            Form::Small(pack) => (Some(pack), None),
            Form::Large(large) => (None, Some(&large.members)),
        };
        let small = small.into_iter().flat_map(Pack::iter);
        small.chain(large.into_iter().flat_map(|members| members.iter().map(|member| &**member)))
    }

    /// Shows `each` about `count` more members and gives the next cursor. A scan begins and ends with 0. A small set is
    /// shown in one step, as Redis does.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&[u8])) -> u64 {
        match &self.0 {
            Form::Small(pack) => {
                pack.iter().for_each(each);
                0
            }
            Form::Large(large) => large.members.scan(cursor, count, |member| each(member)),
        }
    }

    /// A member, each as likely as any other.
    pub fn random(&self, random: &Random) -> Option<&[u8]> {
        match &self.0 {
            Form::Small(pack) => pack.iter().nth(random.below(pack.len())),
            Form::Large(large) => large.members.random(random).map(|member| &**member),
        }
    }

    /// So many different members by chance, all if there are no more.
    pub fn different(&self, random: &Random, count: usize) -> Vec<&[u8]> {
        sample::different(random, self.len(), count, || self.iter().collect(), || self.random(random))
    }

    /// The name that `OBJECT ENCODING` gives the form Redis would hold it in.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Small(pack) if pack.iter().all(|member| parse_int(member).is_some()) => "intset",
            Form::Small(_) => "listpack",
            Form::Large(large) if large.is_intset => "intset",
            Form::Large(_) => "hashtable",
        }
    }

    /// About how many bytes it takes beside its own 16, in constant time.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.heap_size(),
            Form::Large(large) => size_of::<Large>() + large.members.memory() + large.heap,
        }
    }

    /// Takes the large form if the small one has no room for this member.
    fn grow_for(&mut self, member: &[u8], seed: u64) {
        let Form::Small(pack) = &self.0 else { return };
        if member.len() <= STRING_MAX && (pack.len() < SMALL_MAX || pack.find(member, 1).is_some()) {
            return;
        }
        let mut large = Large { members: Dict::new(seed), heap: 0, is_intset: true };
        pack.iter().for_each(|member| _ = large.insert(member));
        self.0 = Form::Large(Box::new(large));
    }
}

impl Large {
    fn insert(&mut self, member: &[u8]) -> bool {
        let (held, is_new) = self.members.get_or_insert_with(member, || Name::new(member));
        self.heap += if is_new { held.heap_size() } else { 0 };
        self.is_intset = self.is_intset && self.members.len() <= INTSET_MAX && parse_int(member).is_some();
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn encodings_are_those_of_redis_at_the_limits() {
        let of = |members: &mut dyn Iterator<Item = String>| {
            let mut set = Set::new();
            members.for_each(|member| _ = set.insert(member.as_bytes(), 1));
            set.encoding()
        };
        assert_eq!(size_of::<Set>(), 16);
        assert_eq!(of(&mut (0..INTSET_MAX).map(|n| n.to_string())), "intset");
        assert_eq!(of(&mut (0..=INTSET_MAX).map(|n| n.to_string())), "hashtable");
        assert_eq!(of(&mut (0..SMALL_MAX).map(|n| format!("m{n}"))), "listpack");
        assert_eq!(of(&mut (0..=SMALL_MAX).map(|n| format!("m{n}"))), "hashtable");
        assert_eq!(of(&mut (0..300).map(|n| if n < 299 { n.to_string() } else { "x".into() })), "hashtable");
        assert_eq!(of(&mut std::iter::once("x".repeat(STRING_MAX))), "listpack");
        assert_eq!(of(&mut std::iter::once("x".repeat(STRING_MAX + 1))), "hashtable");
    }

    #[test]
    fn every_bit_of_the_seed_decides_where_members_lie() {
        let order = |seed: u64| {
            let mut set = Set::new();
            (0..500_u32).for_each(|n| _ = set.insert(&n.to_le_bytes(), seed));
            set.iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(order(1), order(1));
        (0..64).for_each(|bit| assert_ne!(order(1 << bit), order(0), "{bit}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_set_is_a_set(steps in proptest::collection::vec((any::<bool>(), 0u8..250), 0..500)) {
            let (mut set, mut model) = (Set::new(), BTreeSet::new());
            for (insert, n) in steps {
                let member = vec![n; 1 + usize::from(n % 3) * 33];
                if insert {
                    prop_assert_eq!(set.insert(&member, 7), model.insert(member.clone()));
                } else {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                }
                if let Form::Large(large) = &set.0 {
                    prop_assert_eq!(large.heap, set.iter().map(|member| Name::<Box<[u8]>>::new(member).heap_size()).sum::<usize>());
                }
                prop_assert_eq!((set.len(), set.contains(&member)), (model.len(), model.contains(&member)));
            }
            prop_assert_eq!(set.iter().map(<[u8]>::to_vec).collect::<BTreeSet<_>>(), model);
        }
    }
}
