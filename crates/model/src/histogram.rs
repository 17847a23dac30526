//! How long something took, counted into buckets, in a few plain numbers.

use std::time::Duration;

/// Upper bounds of the buckets, in microseconds; the last bucket has none.
pub const BOUNDS_US: [u64; 13] =
    [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// Counts by bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    /// How many fell into each bucket and into none of those before it.
    pub buckets: [u64; BOUNDS_US.len() + 1],
    /// The sum of all, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// `times` things took this long.
    pub fn add(&mut self, took: Duration, times: u64) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[bucket] += times;
        self.sum_us = self.sum_us.saturating_add(us.saturating_mul(times));
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Histogram) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::default();
        for us in [0, 50, 51, 1_000_000, 1_000_001] {
            histogram.add(Duration::from_micros(us), 2);
        }
        assert_eq!((histogram.buckets[0], histogram.buckets[1]), (4, 2));
        assert_eq!(histogram.buckets[12..], [2, 2]);
        let once = histogram;
        histogram.merge(&once);
        assert_eq!((histogram.count(), histogram.sum_us), (20, 2 * once.sum_us));
    }
}
