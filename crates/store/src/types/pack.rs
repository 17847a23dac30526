//! A few short byte strings in one allocation: the small form of hashes, sets and lists.
//!
//! Two bytes of head (how many strings there are), then each string behind its length in one byte. Searched from end to end, changed by writing the whole anew: for so few bytes that is as fast as anything, and
//! nothing takes less memory.

use std::ops::Range;

/// The longest string of a pack, in bytes (Redis' `hash-max-listpack-value` and its kin).
pub const STRING_MAX: usize = 64;

const HEAD: usize = 2;

/// Short strings in the order they were added.
#[derive(Clone)]
pub struct Pack(Box<[u8]>);

impl Pack {
    /// No strings.
    pub fn new() -> Pack {
        Pack(Box::new([0; HEAD]))
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        usize::from(u16::from_le_bytes(self.head()))
    }

    /// The strings.
    pub fn iter(&self) -> Strings<'_> {
        Strings { pack: &self.0, at: HEAD }
    }

    /// Adds these strings behind the others. Each must have at most [`STRING_MAX`] bytes.
    pub fn push(&mut self, strings: &[&[u8]]) {
        let end = self.0.len();
        self.replace(end..end, strings);
        self.set_len(self.len() + strings.len());
    }

    /// Adds a string before the one that lies at this place.
    pub fn insert(&mut self, at: usize, string: &[u8]) {
        self.replace(at..at, &[string]);
        self.set_len(self.len() + 1);
    }

    /// The place of the string at this position, or the end.
    pub fn place(&self, position: usize) -> usize {
        let mut strings = self.iter();
        (0..position).for_each(|_| _ = strings.next());
        strings.at
    }

    /// Removes `count` strings from the one on that lies at this place.
    pub fn remove(&mut self, at: usize, count: usize) {
        let mut rest = Strings { pack: &self.0, at };
        rest.by_ref().take(count).for_each(drop);
        let end = rest.at;
        self.replace(at..end, &[]);
        self.set_len(self.len() - count);
    }

    /// Puts a string in the place of the one that lies there.
    pub fn set(&mut self, at: usize, string: &[u8]) {
        let old = usize::from(self.0[at]);
        if old == string.len() {
            self.0[at + 1..at + 1 + old].copy_from_slice(string);
        } else {
            self.replace(at..at + 1 + old, &[string]);
        }
    }

    /// Where the first of every `step` strings equals `name`: the place of that one.
    pub fn find(&self, name: &[u8], step: usize) -> Option<usize> {
        let mut strings = self.iter();
        loop {
            let at = strings.at;
            if strings.next()? == name {
                return Some(at);
            }
            (1..step).for_each(|_| _ = strings.next());
        }
    }

    /// The strings from this place on.
    pub fn from(&self, at: usize) -> Strings<'_> {
        Strings { pack: &self.0, at }
    }

    /// How many bytes it takes beside its own 16.
    pub fn heap_size(&self) -> usize {
        self.0.len()
    }

    fn replace(&mut self, old: Range<usize>, strings: &[&[u8]]) {
        let added: usize = strings.iter().map(|string| 1 + string.len()).sum();
        let mut bytes = Vec::with_capacity(self.0.len() - old.len() + added);
        bytes.extend_from_slice(&self.0[..old.start]);
        for string in strings {
            debug_assert!(string.len() <= STRING_MAX);
            bytes.push(string.len() as u8);
            bytes.extend_from_slice(string);
        }
        bytes.extend_from_slice(&self.0[old.end..]);
        self.0 = bytes.into_boxed_slice();
    }

    fn head(&self) -> [u8; HEAD] {
        self.0[..HEAD].try_into().expect("a pack begins with its head")
    }

    fn set_len(&mut self, len: usize) {
        let len = u16::try_from(len).expect("a pack has few strings");
        self.0[..HEAD].copy_from_slice(&len.to_le_bytes());
    }
}

/// The strings of a pack from some place on.
#[derive(Clone, Debug)]
pub struct Strings<'a> {
    pack: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(*self.pack.get(self.at)?);
        let start = self.at + 1;
        self.at = start + len;
        Some(&self.pack[start..self.at])
    }
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii).map(|text| text.to_string())).finish()
    }
}
