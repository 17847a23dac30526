//! Randomness that is passed in: one generator from one seed, so that a run can be repeated.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea, Flood 2014). Good enough to choose members; not for secrets.
/// The state is in a cell because choosing a random member is a read of the keyspace.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Random {
    /// A generator that repeats itself for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(Cell::new(seed))
    }

    /// The next 64 bits.
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, each as likely as any other (to within 2^-64 of it); 0 if `end` is 0.
    pub fn below(&self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// A generator of its own for work that cannot borrow this one.
    pub fn fork(&self) -> Random {
        Random::new(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn every_number_below_the_end_comes_and_none_beyond() {
        let random = Random::new(1);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[random.below(5)] += 1;
        }
        assert!(seen.iter().all(|&n| n > 120), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_same_seed_repeats() {
        let run = |seed| Random::new(seed).fork().next();
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
