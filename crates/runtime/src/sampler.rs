//! How much a log gets of what strangers cause: so many lines a second of one kind, and of their texts no more than a person
//! reads. Under a flood a few are told, and how many were not.

use crate::clock::Clock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lets so many through a second; shared by threads.
#[derive(Debug)]
pub struct Sampler {
    clock: Clock,
    per_second: u64,
    /// The second, and how many came in it, in one number.
    second: AtomicU64,
    count: AtomicU64,
    suppressed: AtomicU64,
}

impl Sampler {
    /// Lets `per_second` through.
    pub fn new(clock: Clock, per_second: u64) -> Sampler {
        let zero = || AtomicU64::new(0);
        Sampler { clock, per_second, second: zero(), count: zero(), suppressed: zero() }
    }

    /// Whether this one is told; if so, how many were not since the last that was. Where threads race, one more or less
    /// may be told.
    pub fn pass(&self) -> Option<u64> {
        let now = self.clock.now().0 / 1_000_000;
        if self.second.swap(now, Ordering::Relaxed) != now {
            self.count.store(0, Ordering::Relaxed);
        }
        if self.count.fetch_add(1, Ordering::Relaxed) >= self.per_second {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.suppressed.swap(0, Ordering::Relaxed))
    }
}

/// So much of a text as a person reads.
pub fn readable(text: &str) -> &str {
    const CHARS_MAX: usize = 200;
    text.char_indices().nth(CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_the_begin_is_told() {
        assert_eq!(readable("é"), "é");
        assert_eq!(readable(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(readable(&"é".repeat(9000)), "é".repeat(200));
    }

    #[test]
    fn a_flood_is_cut_off_and_counted() {
        // Nobody can choose the second: at worst the flood falls into two.
        let sampler = Sampler::new(Clock::start(), 5);
        let told = (0..1000).filter_map(|_| sampler.pass()).count();
        assert!((5..=10).contains(&told), "{told}");
        assert!(sampler.suppressed.load(Ordering::Relaxed) >= 980);
    }
}
