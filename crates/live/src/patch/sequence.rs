//! How one array becomes another: which elements stay, which change, go and come.
//!
//! What both begin and end with stays. Between them, Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its
//! Variations", 1986) finds a shortest script of removals and additions, within bounds on its length and on the work
//! spent. Removals and additions with nothing that stayed between them are then paired into changes: first elements
//! that are the same thing by their identity (a member of a sorted set, an object with an `id`), then by place.

use crate::value::{same, tag};
use model::Value;

/// Removals and additions of one script at most: beyond it an array is sent as a whole.
const EDITS_MAX: usize = 256;
/// Comparisons of elements at most, so that no array holds up the lane.
const WORK_MAX: usize = 1 << 18;
/// No operation has less bytes as JSON.
const OP_BYTES_MIN: usize = 25;

/// One step from the front to the end of the old array, which becomes the new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// So many elements stay.
    Keep(usize),
    /// The element at this old place becomes the one at this new place.
    Change(usize, usize),
    /// The next element goes.
    Remove,
    /// The element at this new place comes here.
    Add(usize),
}

/// The steps; `None` if there are too many for operations of `bytes_max` bytes, or if they are too costly to find.
pub(super) fn steps(old: &[Value], new: &[Value], bytes_max: usize) -> Option<Vec<Step>> {
    let head = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| same(a, b)).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut steps = Vec::new();
    if head > 0 {
        steps.push(Step::Keep(head));
    }
    if old_end > head || new_end > head {
        let (a, b) = (Keyed::new(&old[head..old_end]), Keyed::new(&new[head..new_end]));
        // A pair of a removal and an addition may become one operation.
        let edits_max = EDITS_MAX.min(2 * (bytes_max / OP_BYTES_MIN) + 2);
        let kept = common(a.len(), b.len(), edits_max, |i, j| a.is(i, &b, j))?;
        between_kept(&a, &b, &kept, head, &mut steps);
    }
    Some(steps)
}

/// Elements with their hashes, so that most comparisons are of numbers.
struct Keyed<'a> {
    items: &'a [Value],
    hashes: Vec<u64>,
}

impl<'a> Keyed<'a> {
    fn new(items: &'a [Value]) -> Keyed<'a> {
        let mut scratch = Vec::new();
        Keyed { items, hashes: items.iter().map(|item| tag::short(item, &mut scratch)).collect() }
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn is(&self, i: usize, other: &Keyed<'_>, j: usize) -> bool {
        self.hashes[i] == other.hashes[j] && same(&self.items[i], &other.items[j])
    }
}

/// Fills what lies between the kept pairs.
fn between_kept(a: &Keyed<'_>, b: &Keyed<'_>, kept: &[(usize, usize)], offset: usize, steps: &mut Vec<Step>) {
    let (mut i, mut j) = (0, 0);
    for &(next_i, next_j) in kept.iter().chain([&(a.len(), b.len())]) {
        paired_by_identity(&a.items[i..next_i], &b.items[j..next_j], offset + i, offset + j, steps);
        if next_i < a.len() {
            match steps.last_mut() {
                Some(Step::Keep(count)) => *count += 1,
                _ => steps.push(Step::Keep(1)),
            }
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
}

/// Old elements that all go, and new ones that all come, in one place of the array.
fn paired_by_identity(old: &[Value], new: &[Value], old_at: usize, new_at: usize, steps: &mut Vec<Step>) {
    let same_thing = |i: usize, j: usize| match (identity(&old[i]), identity(&new[j])) {
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    };
    let differ_in_number = old.len() != new.len() && !old.is_empty() && !new.is_empty();
    let anchors = if differ_in_number || !old.iter().zip(new).enumerate().all(|(i, _)| same_thing(i, i)) {
        common(old.len(), new.len(), old.len() + new.len(), same_thing).unwrap_or_default()
    } else {
        Vec::new()
    };
    let (mut i, mut j) = (0, 0);
    for &(next_i, next_j) in anchors.iter().chain([&(old.len(), new.len())]) {
        paired_by_place(old_at + i..old_at + next_i, new_at + j..new_at + next_j, steps);
        if next_i < old.len() {
            steps.push(Step::Change(old_at + next_i, new_at + next_j));
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
}

fn paired_by_place(old: std::ops::Range<usize>, new: std::ops::Range<usize>, steps: &mut Vec<Step>) {
    let (removed, added) = (old.len(), new.len());
    steps.extend(old.zip(new.clone()).map(|(from, to)| Step::Change(from, to)));
    steps.extend((added..removed).map(|_| Step::Remove));
    steps.extend(new.skip(removed).map(Step::Add));
}

/// What makes an element the same thing when the rest of it changes: a pair's first, an object's `id`.
fn identity(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.first().filter(|first| !matches!(first, Value::Array(_) | Value::Object(_))),
        Value::Object(members) => members.iter().find(|(name, _)| name == "id").map(|(_, id)| id),
        _ => None,
    }
}

/// The pairs of places that stay, rising: a longest common subsequence, if what is left over is at most `edits_max`.
fn common(n: usize, m: usize, edits_max: usize, is: impl Fn(usize, usize) -> bool) -> Option<Vec<(usize, usize)>> {
    if n == 0 || m == 0 {
        return (n + m <= edits_max).then(Vec::new);
    }
    let furthest = search(n, m, edits_max.min(n + m), is)?;
    Some(walk_back(n, m, &furthest))
}

/// For each number of edits `d`, how far each diagonal `x - y = k` got, `k` in `-d..=d` by steps of two.
/// The last row reached `(n, m)`.
fn search(n: usize, m: usize, edits_max: usize, is: impl Fn(usize, usize) -> bool) -> Option<Vec<Vec<usize>>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let mut work = 0;
    for d in 0..=edits_max {
        let mut row = Vec::with_capacity(d + 1);
        for slot in 0..=d {
            let Some(start) = start_of(rows.last(), d, slot, n, m) else {
                row.push(OUTSIDE);
                continue;
            };
            let (mut x, mut y) = start;
            while x < n && y < m && is(x, y) {
                (x, y) = (x + 1, y + 1);
                work += 1;
            }
            work += 1;
            row.push(x);
            if x == n && y == m {
                rows.push(row);
                return Some(rows);
            }
        }
        if work > WORK_MAX {
            return None;
        }
        rows.push(row);
    }
    None
}

/// A diagonal that has left the grid.
const OUTSIDE: usize = usize::MAX;

/// Where the `slot`-th diagonal begins with its `d`-th edit: a removal on the diagonal below or an addition on the
/// one above, whichever got further.
fn start_of(before: Option<&Vec<usize>>, d: usize, slot: usize, n: usize, m: usize) -> Option<(usize, usize)> {
    let Some(before) = before else { return Some((0, 0)) };
    let x = match step_to(before, d, slot, n, m)? {
        Edit::Removal(x) | Edit::Addition(x) => x,
    };
    Some((x, y_of(x, d, slot)?))
}

#[derive(Clone, Copy)]
enum Edit {
    /// To this `x`, from the diagonal `k - 1`.
    Removal(usize),
    /// At this `x`, from the diagonal `k + 1`.
    Addition(usize),
}

fn step_to(before: &[usize], d: usize, slot: usize, n: usize, m: usize) -> Option<Edit> {
    let valid = |x: usize| x <= n && y_of(x, d, slot).is_some_and(|y| y <= m);
    // The row before has the diagonals -(d-1)..=d-1: `k - 1` is its slot - 1, and `k + 1` its slot.
    let below = slot.checked_sub(1).map(|s| before[s]).filter(|&x| x != OUTSIDE).map(|x| x + 1).filter(|&x| valid(x));
    let above = before.get(slot).copied().filter(|&x| x != OUTSIDE && valid(x));
    match (below, above) {
        (Some(x), Some(y)) if x > y => Some(Edit::Removal(x)),
        (_, Some(x)) => Some(Edit::Addition(x)),
        (Some(x), None) => Some(Edit::Removal(x)),
        (None, None) => None,
    }
}

/// `k = 2 * slot - d`, `y = x - k`.
fn y_of(x: usize, d: usize, slot: usize) -> Option<usize> {
    (x + d).checked_sub(2 * slot)
}

fn walk_back(n: usize, m: usize, rows: &[Vec<usize>]) -> Vec<(usize, usize)> {
    let mut kept = Vec::new();
    let (mut x, mut y) = (n, m);
    for d in (0..rows.len()).rev() {
        let slot = (x + d - y) / 2;
        let (start, before) = match d {
            0 => (0, slot),
            _ => match step_to(&rows[d - 1], d, slot, n, m).expect("the way forth was found") {
                Edit::Removal(start) => (start, slot.wrapping_sub(1)),
                Edit::Addition(start) => (start, slot),
            },
        };
        while x > start {
            (x, y) = (x - 1, y - 1);
            kept.push((x, y));
        }
        if d > 0 {
            x = rows[d - 1][before];
            y = y_of(x, d - 1, before).expect("the way forth was found");
        }
    }
    kept.reverse();
    kept
}
