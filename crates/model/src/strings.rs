//! Many byte strings in one buffer.
//!
//! Most large replies are nothing but strings: the elements of a list, the members of a set, the fields and values of a hash.
//! As a [`Reply`] each they would be counted references, forty bytes and two atomic operations for three bytes of
//! payload; here each takes a byte for its length and itself.

use crate::Reply;
use bytes::Bytes;
use std::fmt;

/// The lengths from here on take [`LONG_LEN_BYTES`] behind this mark.
const LONG: u8 = u8::MAX;
const LONG_LEN_BYTES: usize = size_of::<usize>();

/// What strings are together, as RESP3 has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// An array.
    Array,
    /// A set, in no particular order.
    Set,
    /// A map: keys and values in turn.
    Map,
}

/// Byte strings: the same as an array, a set or a map of [`Reply::Bulk`], and equal to it.
#[derive(Clone)]
pub struct Strings {
    shape: Shape,
    len: usize,
    /// The lengths of all strings together.
    bytes: usize,
    /// Each string behind its length.
    buffer: Bytes,
}

/// Strings being gathered.
#[derive(Debug, Default)]
pub struct StringsBuilder {
    len: usize,
    bytes: usize,
    buffer: Vec<u8>,
}

impl StringsBuilder {
    /// With room for so many strings of a few bytes each.
    pub fn with_capacity(strings: usize) -> StringsBuilder {
        const SHORT_BYTES: usize = 8;
        /// Whoever asks for more finds out as they come.
        const STRINGS_MAX: usize = 4096;
        StringsBuilder { len: 0, bytes: 0, buffer: Vec::with_capacity(strings.min(STRINGS_MAX) * SHORT_BYTES) }
    }

    /// Adds a string behind the others.
    pub fn push(&mut self, string: &[u8]) {
        self.len += 1;
        self.bytes += string.len();
        match u8::try_from(string.len()) {
            Ok(len) if len < LONG => self.buffer.push(len),
            _ => {
                self.buffer.push(LONG);
                self.buffer.extend_from_slice(&string.len().to_le_bytes());
            }
        }
        self.buffer.extend_from_slice(string);
    }

    /// The strings. Those of a map are an even number.
    pub fn finish(self, shape: Shape) -> Strings {
        debug_assert!(shape != Shape::Map || self.len.is_multiple_of(2), "a key has a value");
        Strings { shape, len: self.len, bytes: self.bytes, buffer: self.buffer.into() }
    }
}

impl Strings {
    /// What they are together.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many strings there are; of a map, keys and values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The lengths of all strings together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The strings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (start, end) = next(&self.buffer, at)?;
            at = end;
            Some(&self.buffer[start..end])
        })
    }

    /// The same with each string a reply of its own; they share the buffer.
    pub fn into_reply(self) -> Reply {
        let mut at = 0;
        let mut bulks = std::iter::from_fn(|| {
            let (start, end) = next(&self.buffer, at)?;
            at = end;
            Some(Reply::Bulk(self.buffer.slice(start..end)))
        });
        match self.shape {
            Shape::Array => Reply::Array(bulks.collect()),
            Shape::Set => Reply::Set(bulks.collect()),
            Shape::Map => Reply::Map(std::iter::from_fn(|| Some((bulks.next()?, bulks.next()?))).collect()),
        }
    }
}

/// Where the string whose length stands at this place begins and ends.
#[inline]
fn next(buffer: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *buffer.get(at)?;
    if first < LONG {
        return Some((at + 1, at + 1 + usize::from(first)));
    }
    let start = at + 1 + LONG_LEN_BYTES;
    let len = usize::from_le_bytes(buffer.get(at + 1..start)?.try_into().ok()?);
    Some((start, start + len))
}

impl PartialEq for Strings {
    fn eq(&self, other: &Strings) -> bool {
        self.shape == other.shape && self.buffer == other.buffer
    }
}

impl fmt::Debug for Strings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clone().into_reply().fmt(f)
    }
}

impl From<Strings> for Reply {
    fn from(strings: Strings) -> Reply {
        Reply::Strings(Box::new(strings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(shape: Shape, all: &[&[u8]]) -> Strings {
        let mut builder = StringsBuilder::with_capacity(all.len());
        all.iter().for_each(|string| builder.push(string));
        builder.finish(shape)
    }

    #[test]
    fn strings_of_every_length_come_back() {
        let all: Vec<Vec<u8>> = [0, 1, 3, 253, 254, 255, 256, 70_000].map(|len| vec![b'\xff'; len]).to_vec();
        let all: Vec<&[u8]> = all.iter().map(|string| &**string).collect();
        let strings = strings(Shape::Array, &all);
        assert_eq!(strings.iter().collect::<Vec<_>>(), all);
        assert_eq!(strings.len(), all.len());
        let Reply::Array(items) = strings.into_reply() else { panic!("an array") };
        assert_eq!(items, all.iter().map(Reply::bulk).collect::<Vec<_>>());
    }

    #[test]
    fn a_reply_is_no_larger_for_them() {
        assert_eq!(size_of::<Reply>(), size_of::<(u8, [u8; 3], Bytes)>());
    }

    #[test]
    fn they_equal_what_they_stand_for() {
        let all: [&[u8]; 4] = [b"a", b"1", b"b", b"\xff"];
        let bulks = all.map(Reply::bulk);
        let [a, one, b, last] = bulks.clone();
        let map = Reply::Map(vec![(a, one), (b, last)]);
        for (shape, same) in [
            (Shape::Array, Reply::Array(bulks.to_vec())),
            (Shape::Set, Reply::Set(bulks.to_vec())),
            (Shape::Map, map.clone()),
        ] {
            let reply = Reply::from(strings(shape, &all));
            assert_eq!(reply, same);
            assert_eq!(same, reply);
            assert_eq!(reply.size(), same.size());
            assert_eq!(format!("{:?}", reply.clone().expanded()), format!("{same:?}"));
            assert_eq!(crate::Value::from_reply(reply), crate::Value::from_reply(same));
        }
        assert_ne!(Reply::from(strings(Shape::Set, &all)), map);
        assert_ne!(strings(Shape::Set, &all), strings(Shape::Array, &all));
    }
}
