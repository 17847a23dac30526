//! A counted B+tree of entries: order, rank and search in one descent.
//!
//! Leaves are sorted vectors of entries; an inner node holds, per child, how many entries lie below it and a lower
//! bound of them. The bound is some entry that was once there, greater than all entries of the child before: a
//! removal need not touch it. The first child's bound is never looked at.
//!
//! A full node splits in halves, but the last one of its level at its end: where entries come in ascending order, as
//! scores taken from a clock do, nodes stay full. A node under a quarter full is joined with a neighbour or takes
//! from it.

use super::Entry;

/// The most entries of a leaf.
const LEAF_MAX: usize = 64;
/// The most children of an inner node.
const INNER_MAX: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Entry>),
    Inner(Vec<Child>),
}

#[derive(Clone, Debug)]
struct Child {
    /// At most every entry below, and greater than every entry of the child before.
    low: Entry,
    /// How many entries are below.
    count: usize,
    node: Node,
}

impl Tree {
    /// A tree of these entries, which must be in order.
    pub(super) fn from_sorted(entries: Vec<Entry>) -> Tree {
        let mut tree = Tree { root: Node::Leaf(Vec::new()), len: 0 };
        entries.into_iter().for_each(|entry| tree.insert(entry));
        tree
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry; an equal one must not be there.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.len += 1;
        if let Some(right) = self.root.insert(entry, true) {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::with_capacity(2)));
            let Node::Inner(children) = &mut self.root else { unreachable!("just made") };
            children.push(Child { low: right.low.clone(), count: self.len - right.count, node: left });
            children.push(right);
        }
    }

    /// Removes the entry with this score and member.
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) -> Option<Entry> {
        let entry = self.root.remove(score, member)?;
        self.len -= 1;
        if let Node::Inner(children) = &mut self.root
            && children.len() == 1
        {
            self.root = children.pop().expect("one child").node;
        }
        Some(entry)
    }

    /// How many entries come first for which `before` holds; it must hold for none after one for which it does not.
    pub(super) fn partition_point(&self, before: impl Fn(&Entry) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(entries) => return rank + entries.partition_point(before),
                Node::Inner(children) => {
                    let at = child_before(children, &before);
                    rank += children[..at].iter().map(|c| c.count).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// The leaf that holds the entry of this rank, and the entry's place in it. The rank must exist.
    pub(super) fn leaf_at(&self, mut rank: usize) -> (&[Entry], usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(entries) => return (entries, rank),
                Node::Inner(children) => {
                    let mut at = 0;
                    while rank >= children[at].count {
                        rank -= children[at].count;
                        at += 1;
                    }
                    node = &children[at].node;
                }
            }
        }
    }
}

/// The child in which the entries for which `before` holds end.
fn child_before(children: &[Child], before: impl Fn(&Entry) -> bool) -> usize {
    children[1..].partition_point(|c| before(&c.low))
}

impl Node {
    /// Adds an entry below; returns the new right neighbour if the node had to be split. `last`: no node of this
    /// level is to the right.
    fn insert(&mut self, entry: Entry, last: bool) -> Option<Child> {
        match self {
            Node::Leaf(entries) => {
                let at = entries.partition_point(|e| e.is_before(&entry));
                let cut = if last && at == LEAF_MAX { LEAF_MAX } else { LEAF_MAX / 2 };
                let right = insert_or_split(entries, at, entry, LEAF_MAX, cut)?;
                Some(Child { low: right[0].clone(), count: right.len(), node: Node::Leaf(right) })
            }
            Node::Inner(children) => {
                let at = child_before(children, |low| !entry.is_before(low));
                children[at].count += 1;
                let last = last && at == children.len() - 1;
                let right = children[at].node.insert(entry, last)?;
                children[at].count -= right.count;
                // Two children at least on either side: a node of one could not mend its child.
                let cut = if last { INNER_MAX - 1 } else { INNER_MAX / 2 };
                let right = insert_or_split(children, at + 1, right, INNER_MAX, cut)?;
                let count = right.iter().map(|c| c.count).sum();
                Some(Child { low: right[0].low.clone(), count, node: Node::Inner(right) })
            }
        }
    }

    fn remove(&mut self, score: f64, member: &[u8]) -> Option<Entry> {
        match self {
            Node::Leaf(entries) => {
                let at = entries.binary_search_by(|e| e.cmp_to(score, member)).ok()?;
                Some(entries.remove(at))
            }
            Node::Inner(children) => {
                let at = child_before(children, |low| low.cmp_to(score, member).is_le());
                let entry = children[at].node.remove(score, member)?;
                children[at].count -= 1;
                if children[at].node.is_thin() && children.len() > 1 {
                    rebalance(children, at.max(1) - 1);
                }
                Some(entry)
            }
        }
    }

    /// Whether it holds less than a quarter of its maximum: far enough below a half that adding and removing at the
    /// border does not split and join in turn.
    fn is_thin(&self) -> bool {
        match self {
            Node::Leaf(entries) => entries.len() < LEAF_MAX / 4,
            Node::Inner(children) => children.len() < INNER_MAX / 4,
        }
    }
}

/// Inserts `item` at `at`; if `items` is full, it first gives what is from `cut` on, which is returned.
fn insert_or_split<T>(items: &mut Vec<T>, at: usize, item: T, max: usize, cut: usize) -> Option<Vec<T>> {
    if items.len() < max {
        items.insert(at, item);
        return None;
    }
    let mut right = items.split_off(cut);
    match at.checked_sub(cut) {
        Some(at) => right.insert(at, item),
        None => items.insert(at, item),
    }
    Some(right)
}

/// Joins the children `at` and `at + 1`, and splits them evenly again if that is too much for one node.
fn rebalance(children: &mut Vec<Child>, at: usize) {
    let right = children.remove(at + 1);
    let left = &mut children[at];
    let total = left.count + right.count;
    let parted = match (&mut left.node, right.node) {
        (Node::Leaf(entries), Node::Leaf(more)) => {
            entries.extend(more);
            halve(entries, LEAF_MAX).map(|right| Child {
                low: right[0].clone(),
                count: right.len(),
                node: Node::Leaf(right),
            })
        }
        (Node::Inner(grandchildren), Node::Inner(mut more)) => {
            more[0].low = right.low;
            grandchildren.extend(more);
            halve(grandchildren, INNER_MAX).map(|right| Child {
                low: right[0].low.clone(),
                count: right.iter().map(|c| c.count).sum(),
                node: Node::Inner(right),
            })
        }
        _ => unreachable!("all leaves are at one depth"),
    };
    left.count = total - parted.as_ref().map_or(0, |c| c.count);
    if let Some(right) = parted {
        children.insert(at + 1, right);
    }
}

/// The upper half of `items` if they are too many for a node that shall not split at the next addition.
fn halve<T>(items: &mut Vec<T>, max: usize) -> Option<Vec<T>> {
    if items.len() <= max * 3 / 4 {
        return None;
    }
    let right = items.split_off(items.len() / 2);
    items.shrink_to(max);
    Some(right)
}

#[cfg(test)]
impl Tree {
    /// Panics unless every invariant of this file's head holds.
    pub(super) fn check(&self) {
        let (count, _) = self.root.check(None, None, true);
        assert_eq!(count, self.len);
    }
}

#[cfg(test)]
impl Node {
    /// The number of entries and the depth below; all entries must lie from `low` up to (not including) `high`.
    fn check(&self, low: Option<&Entry>, high: Option<&Entry>, root: bool) -> (usize, usize) {
        match self {
            Node::Leaf(entries) => {
                assert!(entries.len() <= LEAF_MAX && (root || !entries.is_empty()));
                assert!(entries.windows(2).all(|w| w[0].is_before(&w[1])));
                assert!(entries.iter().all(|e| low.is_none_or(|l| !e.is_before(l))));
                assert!(entries.iter().all(|e| high.is_none_or(|h| e.is_before(h))));
                (entries.len(), 0)
            }
            Node::Inner(children) => {
                assert!(children.len() <= INNER_MAX && children.len() > usize::from(root));
                let mut depths = Vec::new();
                for (i, child) in children.iter().enumerate() {
                    let low = if i == 0 { low } else { Some(&child.low) };
                    let high = children.get(i + 1).map(|c| &c.low).or(high);
                    let (count, depth) = child.node.check(low, high, false);
                    assert_eq!(count, child.count);
                    depths.push(depth);
                }
                assert!(depths.windows(2).all(|w| w[0] == w[1]));
                (children.iter().map(|c| c.count).sum(), depths[0] + 1)
            }
        }
    }
}
