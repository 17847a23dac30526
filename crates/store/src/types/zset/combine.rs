//! Unions, intersections and differences of sorted sets and sets.

use super::Zset;
use crate::types::Set;

/// What a key gives to a combination: the members of a set have the score 1.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The key is missing.
    Missing,
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    Zset(&'a Zset),
}

impl<'a> Source<'a> {
    /// How many members it has.
    pub fn len(self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Set(set) => set.len(),
            Source::Zset(zset) => zset.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Set(set) => set.contains(member).then_some(1.0),
            Source::Zset(zset) => zset.score(member),
        }
    }

    fn iter(self) -> Box<dyn Iterator<Item = (&'a [u8], f64)> + 'a> {
        match self {
            Source::Missing => Box::new(std::iter::empty()),
            Source::Set(set) => Box::new(set.iter().map(|member| (member, 1.0))),
            Source::Zset(zset) => Box::new(zset.iter()),
        }
    }
}

/// A source whose scores are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where the members come from.
    pub source: Source<'a>,
    /// By what their scores are multiplied.
    pub weight: f64,
}

/// How the scores of a member that is in several sources become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aggregate {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Aggregate {
    /// `total` is a number. As in Redis, a sum that is none (of infinities of both signs) is 0, and a score that is none
    /// is neither less nor greater.
    fn of(self, total: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => zero_if_nan(total + score),
            Aggregate::Min if score < total => score,
            Aggregate::Max if score > total => score,
            Aggregate::Min | Aggregate::Max => total,
        }
    }
}

/// Members that are in one source at least.
pub fn union(inputs: &[Input<'_>], aggregate: Aggregate, seed: u64) -> Zset {
    let mut result = Zset::new(seed);
    for input in by_size(inputs) {
        for (member, score) in input.source.iter() {
            let score = zero_if_nan(input.weight * score);
            let score = result.score(member).map_or(score, |old| aggregate.of(old, score));
            result.insert_as_is(member, score);
        }
    }
    result
}

/// Members that are in every source. There must be one source at least.
pub fn intersection(inputs: &[Input<'_>], aggregate: Aggregate, seed: u64) -> Zset {
    let mut result = Zset::new(seed);
    let inputs = by_size(inputs);
    let (first, others) = inputs.split_first().expect("an intersection has a source");
    for (member, score) in first.source.iter() {
        let score = others.iter().try_fold(zero_if_nan(first.weight * score), |total, other| {
            Some(aggregate.of(total, other.weight * other.source.score(member)?))
        });
        if let Some(score) = score {
            result.insert_as_is(member, score);
        }
    }
    result
}

/// How many members are in every source, counted up to `max`. There must be one source at least.
pub fn intersection_len(sources: &[Source<'_>], max: usize) -> usize {
    let least = sources.iter().min_by_key(|source| source.len()).expect("an intersection has a source");
    let in_all = |member: &[u8]| sources.iter().all(|source| source.score(member).is_some());
    least.iter().filter(|(member, _)| in_all(member)).take(max).count()
}

/// Members of the first source that are in no other, with the scores they have there.
pub fn difference(sources: &[Source<'_>], seed: u64) -> Zset {
    let mut result = Zset::new(seed);
    let (first, others) = sources.split_first().expect("a difference has a source");
    if removes_others(first.len(), others.iter().map(|source| source.len())) {
        first.iter().for_each(|(member, score)| _ = result.insert_as_is(member, score));
        for (member, _) in others.iter().flat_map(|other| other.iter()) {
            if result.is_empty() {
                break;
            }
            result.remove(member);
        }
        return result;
    }
    for (member, score) in first.iter() {
        if others.iter().all(|other| other.score(member).is_none()) {
            result.insert_as_is(member, score);
        }
    }
    result
}

/// Which of Redis' two ways to a difference is shorter: to take all others' members out of a copy of the first, or to ask the
/// others for each member of the first, which as a rule stops half way.
pub fn removes_others(first: usize, others: impl ExactSizeIterator<Item = usize>) -> bool {
    let asked = first.saturating_mul(others.len() + 1) / 2;
    asked > first + others.sum::<usize>()
}

/// The smallest source first, as Redis does: sums of doubles depend on the order.
fn by_size<'a>(inputs: &[Input<'a>]) -> Vec<Input<'a>> {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(|input| input.source.len());
    inputs
}

fn zero_if_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: impl Iterator<Item = u32>) -> Set {
        let mut set = Set::new();
        members.for_each(|n| _ = set.insert(&n.to_be_bytes(), 1));
        set
    }

    #[test]
    fn a_difference_is_the_same_on_either_way_to_it() {
        let first = set(0..300);
        let small: Vec<Set> = (0..20).map(|n| set(n * 10..n * 10 + 7)).collect();
        let large = [set(100..2000)];
        for (others, removes) in [(&small[..], true), (&large[..], false)] {
            assert_eq!(removes_others(first.len(), others.iter().map(Set::len)), removes);
            let sources: Vec<Source<'_>> = std::iter::once(&first).chain(others).map(Source::Set).collect();
            let difference = difference(&sources, 1);
            let expected = |member: &&[u8]| others.iter().all(|other| !other.contains(member));
            assert_eq!(difference.len(), first.iter().filter(expected).count());
            assert!(difference.iter().all(|(member, _)| expected(&member)));
        }
    }
}
