//! The sorted set: members with scores, in the order of (score, member).
//!
//! Everything about order is answered in *ranks*: a bound by score or by member is one descent that counts the
//! entries before it, and every range is then a range of ranks, walked forwards or backwards by [`Iter`].
//!
//! Two forms. A small set is one sorted vector, searched from end to end for a member: no allocation beside it.
//! A larger one is a map from member to score and a counted B+tree of the entries (`tree`); a member is held in
//! both, short ones without an allocation of their own ([`SharedName`]). As in Redis, a set never goes back to the small
//! form. The map is that of hashes and sets, and so are its scans ([`dict`](super::dict)).

mod bounds;
pub mod combine;
mod tree;

use super::dict::{Dict, Item};
use super::{SharedName, sample};
use crate::random::Random;
pub use bounds::{Edge, LexBound, ScoreBound};
use std::cmp::Ordering;
use std::ops::Range;
use tree::Tree;

/// The most entries of the small form (Redis' `zset-max-listpack-entries`).
const SMALL_ENTRIES_MAX: usize = 128;
/// The longest member of the small form, in bytes (Redis' `zset-max-listpack-value`).
const SMALL_MEMBER_MAX: usize = 64;

/// A sorted set. Scores are never NaN.
#[derive(Clone, Debug)]
pub struct Zset {
    /// For the hasher of the large form; passed in, since clients choose the members.
    seed: u64,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Small(Vec<Entry>),
    Large(Box<Large>),
}

#[derive(Clone, Debug)]
struct Large {
    scores: Dict<Scored>,
    tree: Tree,
    /// Bytes that the members take beside the map and the tree.
    heap: usize,
}

/// A member in the map.
#[derive(Clone, Debug)]
struct Scored {
    member: SharedName,
    score: f64,
}

impl Item for Scored {
    fn name(&self) -> &[u8] {
        &self.member
    }
}

/// A member with its score; ordered by score, then by member bytewise. `-0` is ordered as `0`.
#[derive(Clone, Debug)]
struct Entry {
    score: f64,
    member: SharedName,
}

impl Zset {
    /// A set without members.
    pub fn new(seed: u64) -> Zset {
        Zset { seed, form: Form::Small(Vec::new()) }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Small(entries) => entries.len(),
            Form::Large(large) => large.tree.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name that `OBJECT ENCODING` gives the form: `listpack` for the small one, `skiplist` for the other.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Small(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// About how many bytes the set holds, in constant time.
    pub fn memory(&self) -> usize {
        let (entry, heap) = match &self.form {
            Form::Small(entries) => (size_of::<Entry>(), entries.iter().map(|e| e.member.heap_size()).sum()),
            // The map and the tree's leaves are about three quarters full.
            Form::Large(large) => ((size_of::<Entry>() + size_of::<Scored>()) * 4 / 3, large.heap),
        };
        size_of::<Zset>() + self.len() * entry + heap
    }

    /// The member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.form {
            Form::Small(entries) => find(entries, member).map(|at| entries[at].score),
            Form::Large(large) => large.scores.get(member).map(|held| held.score),
        }
    }

    /// Gives the member this score, adding it if it is not there; returns the score it had. In the small form -0 becomes 0,
    /// as Redis holds it as an integer.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let is_small = matches!(self.form, Form::Small(_));
        self.insert_as_is(member, if is_small { score + 0.0 } else { score })
    }

    /// The same for a set that is a result and no key's value yet: -0 stays.
    fn insert_as_is(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan(), "a score is a number");
        self.grow_for(member);
        match &mut self.form {
            Form::Small(entries) => {
                let old = find(entries, member).map(|at| entries.remove(at).score);
                let entry = Entry { score, member: SharedName::new(member) };
                let at = entries.partition_point(|e| e.is_before(&entry));
                entries.insert(at, entry);
                old
            }
            Form::Large(large) => large.insert(member, score),
        }
    }

    /// The set as a key's value: in the small form, -0 is 0.
    pub fn settled(mut self) -> Zset {
        if let Form::Small(entries) = &mut self.form {
            entries.iter_mut().for_each(|entry| entry.score += 0.0);
        }
        self
    }

    /// Removes the member; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.form {
            Form::Small(entries) => find(entries, member).map(|at| entries.remove(at).score),
            Form::Large(large) => {
                let Scored { member: held, score } = large.scores.remove(member)?;
                large.heap -= held.heap_size();
                large.tree.remove(score, member).expect("a member of the map is in the tree");
                Some(score)
            }
        }
    }

    /// Removes the members of these ranks; returns how many they were.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        match &mut self.form {
            Form::Small(entries) => entries.drain(ranks).len(),
            Form::Large(_) => {
                let members: Vec<SharedName> = self.range(ranks).map(|(member, _)| SharedName::new(member)).collect();
                members.iter().filter(|member| self.remove(member).is_some()).count()
            }
        }
    }

    /// How many members come before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match &self.form {
            Form::Small(entries) => find(entries, member),
            Form::Large(large) => {
                let score = large.scores.get(member)?.score;
                Some(large.tree.partition_point(|e| e.cmp_to(score, member).is_lt()))
            }
        }
    }

    /// The member of this rank.
    pub fn at(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// The members of these ranks in order; ranks beyond the end are left out.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        Iter { zset: self, ranks: ranks.start.min(end)..end, front: [].iter(), back: [].iter() }
    }

    /// All members in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Shows `each` the next `count` members of a scan, in no order, and gives the next cursor. A scan begins and ends
    /// with 0. The small form is shown in one step, as Redis does.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&[u8], f64)) -> u64 {
        match &self.form {
            Form::Small(_) => {
                self.iter().for_each(|(member, score)| each(member, score));
                0
            }
            Form::Large(large) => large.scores.scan(cursor, count, |held| each(&held.member, held.score)),
        }
    }

    /// A member, each as likely as any other.
    pub fn random(&self, random: &Random) -> Option<(&[u8], f64)> {
        self.at(random.below(self.len()))
    }

    /// So many different members by chance, all in order if there are no more.
    pub fn different(&self, random: &Random, count: usize) -> Vec<(&[u8], f64)> {
        let ranks = || (0..self.len()).collect();
        let draw = || Some(random.below(self.len()));
        let ranks: Vec<usize> = sample::different(random, self.len(), count, ranks, draw);
        ranks.into_iter().filter_map(|rank| self.at(rank)).collect()
    }

    /// The ranks of the members with scores from `min` to `max`.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.partition_point(|e| min.excludes_below(e.score));
        let end = self.partition_point(|e| !max.excludes_above(e.score));
        start..end.max(start)
    }

    /// The ranks of the members from `min` to `max`. It means something only if all scores are equal.
    pub fn ranks_by_lex(&self, min: &LexBound, max: &LexBound) -> Range<usize> {
        let start = self.partition_point(|e| min.excludes_below(&e.member));
        let end = self.partition_point(|e| !max.excludes_above(&e.member));
        start..end.max(start)
    }

    /// How many entries come first for which `before` holds; it must hold for none after one for which it does not.
    fn partition_point(&self, before: impl Fn(&Entry) -> bool) -> usize {
        match &self.form {
            Form::Small(entries) => entries.partition_point(before),
            Form::Large(large) => large.tree.partition_point(before),
        }
    }

    /// A run of entries that holds the one of this rank, and its place in the run. The rank must exist.
    fn run_at(&self, rank: usize) -> (&[Entry], usize) {
        match &self.form {
            Form::Small(entries) => (entries, rank),
            Form::Large(large) => large.tree.leaf_at(rank),
        }
    }

    /// Takes the large form if the small one has no room for this member.
    fn grow_for(&mut self, member: &[u8]) {
        let Form::Small(entries) = &mut self.form else { return };
        let fits =
            member.len() <= SMALL_MEMBER_MAX && (entries.len() < SMALL_ENTRIES_MAX || find(entries, member).is_some());
        if !fits {
            let mut scores = Dict::new(self.seed);
            entries.iter().for_each(|e| _ = scores.insert(Scored { member: e.member.clone(), score: e.score }));
            let heap = entries.iter().map(|e| e.member.heap_size()).sum();
            let tree = Tree::from_sorted(std::mem::take(entries));
            self.form = Form::Large(Box::new(Large { scores, tree, heap }));
        }
    }
}

impl Large {
    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let (held, is_new) =
            self.scores.get_or_insert_with(member, || Scored { member: SharedName::new(member), score });
        if is_new {
            let member = held.member.clone();
            self.heap += member.heap_size();
            self.tree.insert(Entry { score, member });
            return None;
        }
        let old = std::mem::replace(&mut held.score, score);
        let mut entry = self.tree.remove(old, member).expect("a member of the map is in the tree");
        entry.score = score;
        self.tree.insert(entry);
        Some(old)
    }
}

impl Entry {
    fn cmp_to(&self, score: f64, member: &[u8]) -> Ordering {
        let by_score = self.score.partial_cmp(&score).unwrap_or(Ordering::Equal);
        by_score.then_with(|| (*self.member).cmp(member))
    }

    fn is_before(&self, other: &Entry) -> bool {
        self.cmp_to(other.score, &other.member).is_lt()
    }
}

/// The members of a range of ranks with their scores, from either end.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    zset: &'a Zset,
    /// The ranks not yet given; they decide, the runs below are only where the next entries lie.
    ranks: Range<usize>,
    front: std::slice::Iter<'a, Entry>,
    back: std::slice::Iter<'a, Entry>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        if self.front.len() == 0 {
            let (run, at) = self.zset.run_at(rank);
            self.front = run[at..].iter();
        }
        self.front.next().map(|e| (&*e.member, e.score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        if self.back.len() == 0 {
            let (run, at) = self.zset.run_at(rank);
            self.back = run[..=at].iter();
        }
        self.back.next_back().map(|e| (&*e.member, e.score))
    }
}

impl ExactSizeIterator for Iter<'_> {}

fn find(entries: &[Entry], member: &[u8]) -> Option<usize> {
    entries.iter().position(|e| *e.member == *member)
}

#[cfg(test)]
mod tests;
