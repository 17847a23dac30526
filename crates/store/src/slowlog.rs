//! Commands that took long. The store has no clock: its owner measures and tells.

use bytes::Bytes;
use std::collections::VecDeque;

/// A command that took long.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Rising.
    pub(crate) id: u64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// How long.
    pub(crate) micros: u64,
    /// The command line, cut short.
    pub(crate) words: Vec<Bytes>,
    pub(crate) address: Box<str>,
    /// The client's name.
    pub(crate) name: Bytes,
}

/// The newest of them, and the delays they were.
#[derive(Debug, Default)]
pub(crate) struct Slowlog {
    /// The newest first.
    entries: VecDeque<Entry>,
    given: u64,
    /// When and how many milliseconds, the newest last.
    delays: VecDeque<(u64, u64)>,
    worst_ms: u64,
}

/// Words of a command line that are kept, and bytes of each.
const WORDS_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 128;
/// Delays that are kept.
const DELAYS_MAX: usize = 160;

impl Slowlog {
    pub(crate) fn add(&mut self, line: &[Bytes], micros: u64, at_ms: u64, who: (&str, &Bytes), entries_max: usize) {
        let (address, name) = (who.0.into(), who.1.clone());
        self.entries.push_front(Entry { id: self.given, at_ms, micros, words: shortened(line), address, name });
        self.given += 1;
        self.entries.truncate(entries_max);
    }

    pub(crate) fn delay(&mut self, at_ms: u64, ms: u64) {
        self.worst_ms = self.worst_ms.max(ms);
        self.delays.push_back((at_ms, ms));
        if self.delays.len() > DELAYS_MAX {
            self.delays.pop_front();
        }
    }

    pub(crate) fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn delays(&self) -> impl Iterator<Item = (u64, u64)> {
        self.delays.iter().copied()
    }

    /// The newest delay, when and how long, and the longest.
    pub(crate) fn latency(&self) -> Option<(u64, u64, u64)> {
        self.delays.back().map(|&(at_ms, ms)| (at_ms, ms, self.worst_ms))
    }

    /// Whether there were any.
    pub(crate) fn forget_delays(&mut self) -> bool {
        let any = !self.delays.is_empty();
        self.delays.clear();
        self.worst_ms = 0;
        any
    }
}

fn shortened(line: &[Bytes]) -> Vec<Bytes> {
    let shown = if line.len() > WORDS_MAX { WORDS_MAX - 1 } else { line.len() };
    let word = |word: &Bytes| match word.len() > WORD_BYTES_MAX {
        // A word may be a part of a buffer that is not to be kept.
        false => Bytes::copy_from_slice(word),
        true => {
            let more = format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX);
            [&word[..WORD_BYTES_MAX], more.as_bytes()].concat().into()
        }
    };
    let mut words: Vec<Bytes> = line[..shown].iter().map(word).collect();
    if shown < line.len() {
        words.push(format!("... ({} more arguments)", line.len() - shown).into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_buffer_is_kept_alive() {
        let buffer = Bytes::from(vec![b'x'; 1000]);
        let mut log = Slowlog::default();
        log.add(&[buffer.slice(..3), buffer.slice(3..)], 1, 1, ("", &Bytes::new()), 10);
        let words = &log.newest().next().unwrap().words;
        assert_eq!((&words[0][..], words[1].ends_with(b"(869 more bytes)")), (&b"xxx"[..], true));
        assert!(buffer.is_unique());
    }
}
