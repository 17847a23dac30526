//! The input of one call, and a string whose end has not come yet.

use bytes::Bytes;

/// A string up to this length is given its memory at once; a longer one gets it as its bytes arrive.
const RESERVE_MAX: usize = 64 << 10;

/// What a socket delivered, and how much of it was taken.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, used: 0 }
    }

    /// What was not taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.used..]
    }

    /// Takes `n` bytes, which must be there.
    pub(super) fn advance(&mut self, n: usize) {
        self.used += n;
        debug_assert!(self.used <= self.bytes.len());
    }

    /// Bytes taken.
    pub(super) fn used(&self) -> usize {
        self.used
    }
}

/// A string that arrives in pieces. Its memory at least doubles when it grows and ends exactly as long as the string.
#[derive(Debug)]
pub(super) struct Gather {
    bytes: Vec<u8>,
    length: usize,
}

impl Gather {
    /// Nothing yet of a string of `length` bytes.
    pub(super) fn new(length: usize) -> Gather {
        Gather { bytes: Vec::with_capacity(length.min(RESERVE_MAX)), length }
    }

    /// Takes what belongs to the string; whether all of it is there.
    pub(super) fn take(&mut self, input: &mut Input<'_>) -> bool {
        let rest = input.rest();
        let piece = &rest[..rest.len().min(self.length - self.bytes.len())];
        let (held, needed) = (self.bytes.len(), self.bytes.len() + piece.len());
        if needed > self.bytes.capacity() {
            let grown = needed.max(self.bytes.capacity() * 2).min(self.length);
            self.bytes.reserve_exact(grown - held);
        }
        self.bytes.extend_from_slice(piece);
        input.advance(piece.len());
        self.bytes.len() == self.length
    }

    /// The string.
    pub(super) fn finish(self) -> Bytes {
        debug_assert_eq!(self.bytes.len(), self.length);
        self.bytes.into()
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_follows_what_arrived() {
        let length = 512 << 20;
        let mut gather = Gather::new(length);
        let piece = vec![b'x'; 50_000];
        let mut arrived = 0;
        for _ in 0..40 {
            assert!(!gather.take(&mut Input::new(&piece)));
            arrived += piece.len();
            assert!(gather.held_bytes() <= RESERVE_MAX.max(arrived * 2), "{arrived}: {}", gather.held_bytes());
        }
    }

    #[test]
    fn a_string_ends_exactly_as_long_as_it_is() {
        for length in [1, 100, RESERVE_MAX, RESERVE_MAX + 1, 300_001] {
            let text: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut gather = Gather::new(length);
            let mut input = Input::new(&text);
            while !gather.take(&mut input) {}
            assert_eq!((input.used(), gather.held_bytes()), (length, length));
            assert_eq!(gather.finish(), text);

            let mut gather = Gather::new(length);
            let whole = text.chunks(1000).map(|piece| gather.take(&mut Input::new(piece))).last();
            assert_eq!((whole, gather.held_bytes()), (Some(true), length));
            assert_eq!(gather.finish(), text);
        }
    }
}
