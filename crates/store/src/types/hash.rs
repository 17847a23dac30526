//! The hash: fields with a value each.
//!
//! A small one is a [`Pack`] of fields and values in turn, in the order the fields came; a larger one, or one with a long
//! string, is a [`Dict`]. As in Redis, a hash never goes back to the small form.

use super::dict::{Dict, Item};
use super::pack::{Pack, STRING_MAX};
use super::{Name, Text, sample};
use crate::random::Random;
use bytes::Bytes;

/// The most fields of the small form: more would take longer to search than to hash.
const SMALL_MAX: usize = 128;
/// The most fields that Redis keeps in a listpack (its `hash-max-listpack-entries`): what the encoding goes by.
const LISTPACK_MAX: usize = 512;

/// A hash.
#[derive(Clone, Debug)]
pub struct Hash(Form);

#[derive(Clone, Debug)]
enum Form {
    Small(Pack),
    Large(Box<Large>),
}

#[derive(Clone, Debug)]
struct Large {
    fields: Dict<Field>,
    /// Bytes that names and values take beside the table.
    heap: usize,
    /// Whether Redis would still hold it in a listpack.
    is_listpack: bool,
}

#[derive(Clone, Debug)]
struct Field {
    name: Name,
    value: Text,
}

impl Field {
    fn heap_size(&self) -> usize {
        self.name.heap_size() + self.value.heap_size()
    }
}

impl Item for Field {
    fn name(&self) -> &[u8] {
        &self.name
    }
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// A hash without fields.
    pub fn new() -> Hash {
        Hash(Form::Small(Pack::new()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.len() / 2,
            Form::Large(large) => large.fields.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Form::Small(pack) => pack.from(pack.find(field, 2)?).nth(1),
            Form::Large(large) => large.fields.get(field).map(|field| &*field.value),
        }
    }

    /// The value of a field for others: shared if it is long, else copied.
    pub fn value(&self, field: &[u8]) -> Option<Bytes> {
        match &self.0 {
            Form::Small(_) => self.get(field).map(Bytes::copy_from_slice),
            Form::Large(large) => large.fields.get(field).map(|field| field.value.to_bytes()),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Gives a field this value; whether the field is new. `seed` is for hashing, should it grow large now.
    pub fn insert(&mut self, field: &[u8], value: &[u8], seed: u64) -> bool {
        self.grow_for(field, value, seed);
        match &mut self.0 {
            Form::Small(pack) => match pack.find(field, 2) {
                Some(at) => {
                    pack.set(at + 1 + field.len(), value);
                    false
                }
                None => {
                    pack.push(&[field, value]);
                    true
                }
            },
            Form::Large(large) => large.insert(field, value),
        }
    }

    /// Removes a field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Form::Small(pack) => {
                let found = pack.find(field, 2);
                found.iter().for_each(|&at| pack.remove(at, 2));
                found.is_some()
            }
            Form::Large(large) => {
                let removed = large.fields.remove(field);
                large.heap -= removed.as_ref().map_or(0, Field::heap_size);
                removed.is_some()
            }
        }
    }

    /// All fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (small, large) = match &self.0 {
            Form::Small(pack) => (Some(pack), None),
            Form::Large(large) => (None, Some(&large.fields)),
        };
        let small = small.into_iter().flat_map(|pack| {
            let mut strings = pack.iter();
            std::iter::from_fn(move || Some((strings.next()?, strings.next()?)))
        });
        small.chain(large.into_iter().flat_map(|fields| fields.iter().map(|field| (&*field.name, &*field.value))))
    }

    /// Shows `each` about `count` more fields and gives the next cursor. A scan begins and ends with 0. A small hash is
    /// shown in one step, as Redis does.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&[u8], &[u8])) -> u64 {
        match &self.0 {
            Form::Small(_) => {
                self.iter().for_each(|(field, value)| each(field, value));
                0
            }
            Form::Large(large) => large.fields.scan(cursor, count, |field| each(&field.name, &field.value)),
        }
    }

    /// A field with its value, each as likely as any other.
    pub fn random(&self, random: &Random) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Form::Small(_) => self.iter().nth(random.below(self.len())),
            Form::Large(large) => large.fields.random(random).map(|field| (&*field.name, &*field.value)),
        }
    }

    /// So many different fields by chance, all if there are no more.
    pub fn different(&self, random: &Random, count: usize) -> Vec<(&[u8], &[u8])> {
        sample::different(random, self.len(), count, || self.iter().collect(), || self.random(random))
    }

    /// The name that `OBJECT ENCODING` gives the form Redis would hold it in.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Large(large) if !large.is_listpack => "hashtable",
            _ => "listpack",
        }
    }

    /// About how many bytes it takes beside its own 16, in constant time.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Small(pack) => pack.heap_size(),
            Form::Large(large) => size_of::<Large>() + large.fields.memory() + large.heap,
        }
    }

    /// Takes the large form if the small one has no room for this field.
    fn grow_for(&mut self, field: &[u8], value: &[u8], seed: u64) {
        let Form::Small(pack) = &self.0 else { return };
        let is_short = field.len() <= STRING_MAX && value.len() <= STRING_MAX;
        if is_short && (pack.len() / 2 < SMALL_MAX || pack.find(field, 2).is_some()) {
            return;
        }
        let mut large = Large { fields: Dict::new(seed), heap: 0, is_listpack: true };
        self.iter().for_each(|(field, value)| _ = large.insert(field, value));
        self.0 = Form::Large(Box::new(large));
    }
}

impl Large {
    fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let make = || Field { name: Name::new(field), value: Text::new(value) };
        let (held, is_new) = self.fields.get_or_insert_with(field, make);
        if !is_new {
            self.heap -= held.heap_size();
            held.value = Text::new(value);
        }
        self.heap += held.heap_size();
        let is_long = field.len() > STRING_MAX || value.len() > STRING_MAX;
        self.is_listpack &= self.fields.len() <= LISTPACK_MAX && !is_long;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_hash_is_small_in_memory_and_grows_at_the_limits() {
        assert_eq!(size_of::<Hash>(), 16);
        let mut hash = Hash::new();
        (0..=SMALL_MAX).for_each(|n| assert!(hash.insert(n.to_string().as_bytes(), b"x", 1)));
        assert!(matches!(hash.0, Form::Large(_)) && hash.encoding() == "listpack");
        (0..=LISTPACK_MAX).for_each(|n| _ = hash.insert(n.to_string().as_bytes(), b"x", 1));
        assert_eq!((hash.len(), hash.encoding()), (LISTPACK_MAX + 1, "hashtable"));
        for (len, encoding) in [(STRING_MAX, "listpack"), (STRING_MAX + 1, "hashtable")] {
            let mut hash = Hash::new();
            hash.insert(b"f", &vec![b'x'; len], 1);
            assert_eq!((hash.encoding(), hash.get(b"f").map(<[u8]>::len)), (encoding, Some(len)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn a_hash_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u8..200, 0usize..80), 0..400)) {
            let (mut hash, mut map) = (Hash::new(), BTreeMap::new());
            for (insert, n, len) in steps {
                let (field, value) = (vec![n; usize::from(n % 5)], vec![b'v'; len]);
                if insert {
                    prop_assert_eq!(hash.insert(&field, &value, 7), map.insert(field.clone(), value).is_none());
                } else {
                    prop_assert_eq!(hash.remove(&field), map.remove(&field).is_some());
                }
                prop_assert_eq!(hash.len(), map.len());
                if let Form::Large(large) = &hash.0 {
                    prop_assert_eq!(large.heap, large.fields.iter().map(Field::heap_size).sum::<usize>());
                }
                prop_assert_eq!(hash.get(&field), map.get(&field).map(Vec::as_slice));
            }
            let got: BTreeMap<_, _> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
            prop_assert_eq!(got, map);
        }
    }
}
