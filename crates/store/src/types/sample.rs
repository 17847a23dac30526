//! Several different elements by chance, each choice of so many as likely as any other.

use crate::random::Random;
use ahash::HashSet;
use std::hash::Hash;

/// `count` of the `len` elements, all of them if there are no more. `all` lists them, `draw` gives one by chance.
pub fn different<T: Copy + Eq + Hash>(
    random: &Random,
    len: usize,
    count: usize,
    all: impl FnOnce() -> Vec<T>,
    draw: impl Fn() -> Option<T>,
) -> Vec<T> {
    /// Up to this share of all, drawing until enough are different is quick; above, all are listed and shuffled.
    const SHARE: usize = 3;
    if count.saturating_mul(SHARE) > len {
        return shuffled(random, all(), count);
    }
    let mut seen = HashSet::default();
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count
        && let Some(one) = draw()
    {
        if seen.insert(one) {
            chosen.push(one);
        }
    }
    chosen
}

/// The first `count` of them after a fair shuffle (Fisher and Yates); all in their order if they are no more.
fn shuffled<T>(random: &Random, mut all: Vec<T>, count: usize) -> Vec<T> {
    if count < all.len() {
        for at in 0..count {
            let other = at + random.below(all.len() - at);
            all.swap(at, other);
        }
        all.truncate(count);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_different_and_fair() {
        let random = Random::new(1);
        for count in [2, 5] {
            let mut seen = [0; 10];
            for _ in 0..10_000 {
                let chosen = different(&random, 10, count, || (0..10).collect(), || Some(random.below(10)));
                assert_eq!(chosen.iter().collect::<HashSet<_>>().len(), count);
                chosen.iter().for_each(|&one| seen[one] += 1);
            }
            let fair = 1000 * count;
            assert!(seen.iter().all(|&n| n > fair * 9 / 10 && n < fair * 11 / 10), "{count}: {seen:?}");
        }
        assert_eq!(different(&random, 3, 9, || vec![1, 2, 3], || Some(1)), [1, 2, 3]);
        assert_eq!(different(&random, 3, 0, || vec![1, 2, 3], || Some(1)), []);
    }
}
