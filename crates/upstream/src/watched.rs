//! The one registry of what lanes watch: which lane wants to be told of a key's next change, and at which node it read it.
//!
//! A key is here from its first read until the lane forgets it. Reading arms it, an invalidation disarms it: one shot, as
//! at the server. What is remembered beside serves reading it again: whether its value was too large, whether its answer is
//! a new one. Keys lie in shards by hash, so that something can be done to all of them a little at a time.

use crate::node::NodeId;
use ahash::{AHashMap, RandomState};
use bytes::Bytes;
use model::LaneId;
use smallvec::SmallVec;

/// Into so many parts everything that is watched is divided.
pub(crate) const SHARDS: usize = 256;

/// So many queries of one key are told apart when their answers are compared.
const SEEN_MAX: usize = 8;

/// A key that is watched.
#[derive(Clone, Debug)]
struct Key {
    /// Where it was read.
    node: NodeId,
    /// Who reads it, and whether it is to be told of the next change.
    lanes: SmallVec<[(LaneId, bool); 2]>,
    /// Its last answers, as digests: of the question and of the answer.
    seen: SmallVec<[(u64, u64); 1]>,
    /// The questions, as digests, whose answers were over the limit: the size of the value is asked before them.
    big: SmallVec<[u64; 1]>,
    traits: Traits,
}

/// What is known of a key's value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    /// How large its entries are, about, in bytes; 0 if it is not known. Streams only.
    pub entry_bytes: u32,
}

/// Everything that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    shards: Vec<AHashMap<Bytes, Key>>,
    hasher: RandomState,
    armed: usize,
}

/// Lanes to tell, by key.
pub(crate) type Told = SmallVec<[LaneId; 2]>;

impl Watched {
    pub fn new() -> Watched {
        let hasher = || RandomState::with_seeds(1, 2, 3, 4);
        let shards = (0..SHARDS).map(|_| AHashMap::with_hasher(hasher())).collect();
        Watched { shards, hasher: hasher(), armed: 0 }
    }

    fn shard(&self, key: &[u8]) -> usize {
        // The maps use the low bits.
        (self.hasher.hash_one(key) >> 48) as usize % SHARDS
    }

    fn get(&self, key: &[u8]) -> Option<&Key> {
        self.shards[self.shard(key)].get(key)
    }

    fn get_mut(&mut self, key: &[u8]) -> Option<&mut Key> {
        let shard = self.shard(key);
        self.shards[shard].get_mut(key)
    }

    /// The lane is told of the key's next change, which this node tells. Whoever is armed at another node is disarmed and
    /// is to be told: the key has moved, and what was missing there is never told of.
    #[must_use]
    pub fn arm(&mut self, key: &Bytes, lane: LaneId, node: NodeId) -> Told {
        let shard = self.shard(key);
        let new = || Key {
            node,
            lanes: SmallVec::new(),
            seen: SmallVec::new(),
            big: SmallVec::new(),
            traits: Traits::default(),
        };
        let found = self.shards[shard].entry(key.clone()).or_insert_with(new);
        let elsewhere = if found.node == node { Told::new() } else { found.disarm() };
        self.armed -= elsewhere.len();
        found.node = node;
        match found.lanes.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, true)) => return elsewhere,
            Some((_, is_armed)) => *is_armed = true,
            None => found.lanes.push((lane, true)),
        }
        self.armed += 1;
        elsewhere
    }

    /// The key changed, or may have: who is to be told.
    pub fn disarm(&mut self, key: &[u8]) -> Told {
        let told: Told = self.get_mut(key).map(Key::disarm).unwrap_or_default();
        self.armed -= told.len();
        told
    }

    /// The lane watches the key no more.
    pub fn forget(&mut self, key: &[u8], lane: LaneId) {
        let shard = self.shard(key);
        let Some(found) = self.shards[shard].get_mut(key) else { return };
        self.armed -= usize::from(found.lanes.contains(&(lane, true)));
        found.lanes.retain(|(known, _)| *known != lane);
        if found.lanes.is_empty() {
            self.shards[shard].remove(key);
        }
    }

    /// All of these may have changed: whom to tell of what.
    pub fn disarm_where(&mut self, mut which: impl FnMut(&Bytes, NodeId) -> bool) -> Vec<(Bytes, Told)> {
        (0..SHARDS).flat_map(|shard| self.disarm_shard_where(shard, &mut which)).collect()
    }

    /// As [`Watched::disarm_where`], for one part of all keys.
    pub fn disarm_shard_where(
        &mut self,
        shard: usize,
        mut which: impl FnMut(&Bytes, NodeId) -> bool,
    ) -> Vec<(Bytes, Told)> {
        let mut all = Vec::new();
        for (key, found) in &mut self.shards[shard] {
            if which(key, found.node) {
                let told = found.disarm();
                if !told.is_empty() {
                    all.push((key.clone(), told));
                }
            }
        }
        self.armed -= all.iter().map(|(_, told)| told.len()).sum::<usize>();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// How many pairs of a lane and a key are armed.
    pub fn armed(&self) -> usize {
        self.armed
    }

    /// Whether anything is watched at all.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_empty())
    }

    /// Whether this question was asked of the key before.
    pub fn has_seen(&self, key: &[u8], question: u64) -> bool {
        self.get(key).is_some_and(|found| found.seen.iter().any(|(known, _)| *known == question))
    }

    /// Remembers an answer. Whether it is that of the last time; none if there was none.
    pub fn see(&mut self, key: &[u8], question: u64, answer: u64) -> Option<bool> {
        let seen = &mut self.get_mut(key)?.seen;
        if let Some((_, last)) = seen.iter_mut().find(|(known, _)| *known == question) {
            return Some(std::mem::replace(last, answer) == answer);
        }
        if seen.len() == SEEN_MAX {
            seen.remove(0);
        }
        seen.push((question, answer));
        None
    }

    /// Whether this question's last answer was over the limit. Of one value a question may be large and another small.
    pub fn is_big(&self, key: &[u8], question: u64) -> bool {
        self.get(key).is_some_and(|found| found.big.contains(&question))
    }

    /// Remembers whether it was.
    pub fn set_big(&mut self, key: &[u8], question: u64, is_big: bool) {
        let Some(found) = self.get_mut(key) else { return };
        found.big.retain(|known| *known != question);
        if is_big {
            found.big.truncate(SEEN_MAX - 1);
            found.big.push(question);
        }
    }

    pub fn traits(&self, key: &[u8]) -> Traits {
        self.get(key).map(|found| found.traits).unwrap_or_default()
    }

    pub fn set_traits(&mut self, key: &[u8], change: impl FnOnce(&mut Traits)) {
        if let Some(found) = self.get_mut(key) {
            change(&mut found.traits);
        }
    }
}

impl Key {
    fn disarm(&mut self) -> Told {
        let armed = self.lanes.iter_mut().filter(|(_, is_armed)| *is_armed);
        armed
            .map(|(lane, is_armed)| {
                *is_armed = false;
                *lane
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: LaneId = LaneId(0);
    const B: LaneId = LaneId(1);
    const NODE: NodeId = NodeId(0);

    fn key(name: &'static str) -> Bytes {
        Bytes::from_static(name.as_bytes())
    }

    #[test]
    fn a_change_is_told_once_to_each_lane_that_armed() {
        let mut watched = Watched::new();
        for lane in [A, B, A] {
            assert!(watched.arm(&key("k"), lane, NODE).is_empty());
        }
        assert_eq!(watched.armed(), 2);
        assert_eq!(&watched.disarm(b"k")[..], [A, B]);
        assert!(watched.disarm(b"k").is_empty() && watched.disarm(b"other").is_empty());
        assert!(watched.arm(&key("k"), B, NODE).is_empty());
        assert_eq!(&watched.disarm(b"k")[..], [B]);
        assert_eq!(watched.armed(), 0);
    }

    #[test]
    fn what_is_forgotten_is_gone_with_its_last_lane() {
        let mut watched = Watched::new();
        assert!(watched.arm(&key("k"), A, NODE).is_empty());
        assert!(watched.arm(&key("k"), B, NODE).is_empty());
        watched.forget(b"k", A);
        assert_eq!(&watched.disarm(b"k")[..], [B]);
        watched.forget(b"k", B);
        watched.forget(b"k", B);
        assert!(watched.is_empty());
        assert_eq!(watched.armed(), 0);
    }

    #[test]
    fn all_keys_of_a_node_are_disarmed_in_parts_or_at_once() {
        let mut watched = Watched::new();
        for n in 0..1000 {
            assert!(watched.arm(&Bytes::from(format!("k{n}")), A, NodeId(n % 2)).is_empty());
        }
        let at_one = watched.disarm_where(|_, node| node == NodeId(1));
        assert_eq!(at_one.len(), 500);
        let rest: usize = (0..SHARDS).map(|shard| watched.disarm_shard_where(shard, |_, _| true).len()).sum();
        assert_eq!((rest, watched.armed()), (500, 0));
    }

    #[test]
    fn one_question_may_be_large_where_another_is_small() {
        let mut watched = Watched::new();
        assert!(watched.arm(&key("k"), A, NODE).is_empty());
        watched.set_big(b"k", 1, true);
        watched.set_big(b"k", 1, true);
        assert!(watched.is_big(b"k", 1) && !watched.is_big(b"k", 2) && !watched.is_big(b"other", 1));
        watched.set_big(b"k", 1, false);
        assert!(!watched.is_big(b"k", 1));
        (0..40).for_each(|question| watched.set_big(b"k", question, true));
        assert_eq!(watched.get(b"k").map(|found| found.big.len()), Some(SEEN_MAX));
        assert!(watched.is_big(b"k", 39));
    }

    #[test]
    fn who_is_armed_at_another_node_is_told_when_the_key_is_read_at_its_new_one() {
        let mut watched = Watched::new();
        assert!(watched.arm(&key("k"), A, NODE).is_empty());
        assert!(watched.arm(&key("k"), B, NODE).is_empty());
        assert_eq!(&watched.arm(&key("k"), B, NodeId(1))[..], [A, B], "the lane itself may show what it read before");
        assert_eq!(watched.armed(), 1);
        assert_eq!(&watched.disarm(b"k")[..], [B]);
    }

    #[test]
    fn answers_are_compared_by_question() {
        let mut watched = Watched::new();
        assert_eq!(watched.see(b"k", 1, 7), None, "nobody watches it");
        assert!(watched.arm(&key("k"), A, NODE).is_empty());
        assert_eq!(watched.see(b"k", 1, 7), None);
        assert_eq!(watched.see(b"k", 2, 7), None);
        assert_eq!(watched.see(b"k", 1, 7), Some(true));
        assert_eq!(watched.see(b"k", 1, 8), Some(false));
        (3..40).for_each(|question| assert_eq!(watched.see(b"k", question, 0), None));
        assert_eq!(watched.get(b"k").map(|found| found.seen.len()), Some(SEEN_MAX));
    }
}
