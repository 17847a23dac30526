//! Intersections, unions and differences, answered or stored.

use crate::commands::args::size;
use crate::commands::{Outcome, args};
use crate::db::txn::{Deadline, Txn};
use crate::types::zset::combine::removes_others;
use crate::types::{Kind, Set};
use bytes::Bytes;
use model::{Error, Reply, Shape};

/// How members of several sets are put together.
pub type Combine = fn(&Txn<'_>, &[Bytes]) -> Result<Set, Error>;

/// The members that all sets have.
pub fn intersection(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Set, Error> {
    let (mut result, seed) = (Set::new(), txn.seed());
    common(txn, keys)?.for_each(|member| _ = result.insert(member, seed));
    Ok(result)
}

/// How many members all sets have, counted up to `limit`.
pub fn intersection_len(txn: &Txn<'_>, keys: &[Bytes], limit: usize) -> Result<usize, Error> {
    Ok(common(txn, keys)?.take(limit).count())
}

/// The members that all sets have: the smallest set is walked, the others are asked.
fn common<'t>(txn: &'t Txn<'_>, keys: &[Bytes]) -> Result<impl Iterator<Item = &'t [u8]>, Error> {
    let sets: Option<Vec<&Set>> = read_all(txn, keys)?.into_iter().collect();
    let mut sets = sets.unwrap_or_default();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let smallest = sets.pop();
    let in_all = move |member: &&[u8]| sets.iter().all(|set| set.contains(member));
    Ok(smallest.into_iter().flat_map(Set::iter).filter(in_all))
}

/// The members that any set has.
pub fn union(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Set, Error> {
    let (mut result, seed) = (Set::new(), txn.seed());
    for set in read_all(txn, keys)?.into_iter().flatten() {
        set.iter().for_each(|member| _ = result.insert(member, seed));
    }
    Ok(result)
}

/// The members of the first set that no other has.
pub fn difference(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Set, Error> {
    let sets = read_all(txn, keys)?;
    let (mut result, seed) = (Set::new(), txn.seed());
    let Some(first) = sets[0] else { return Ok(result) };
    let mut others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
    if removes_others(first.len(), others.iter().map(|set| set.len())) {
        first.iter().for_each(|member| _ = result.insert(member, seed));
        for member in others.iter().flat_map(|set| set.iter()) {
            if result.is_empty() {
                break;
            }
            result.remove(member);
        }
        return Ok(result);
    }
    // Who has most is most likely to have a member.
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let alone = first.iter().filter(|member| !others.iter().any(|set| set.contains(member)));
    alone.for_each(|member| _ = result.insert(member, seed));
    Ok(result)
}

/// Answers the members.
pub fn reply(txn: &Txn<'_>, set: &Set) -> Outcome {
    args::strings(txn.room(), Shape::Set, set.iter())
}

/// Stores what the sets of `args[1..]` give under the key `args[0]`, whatever it held; how many members that are. Nothing
/// left deletes it.
pub fn store(txn: &mut Txn<'_>, args: &[Bytes], combine: Combine) -> Outcome {
    let set = combine(txn, &args[1..])?;
    let count = set.len();
    txn.set(&args[0], set.into_value(), Deadline::Never);
    Ok(size(count))
}

/// The reply of `key member`: whether the set has the member.
pub fn is_member(set: Option<&Set>, member: &[u8]) -> Reply {
    args::flag(set.is_some_and(|set| set.contains(member)))
}

fn read_all<'t>(txn: &'t Txn<'_>, keys: &[Bytes]) -> Result<Vec<Option<&'t Set>>, Error> {
    keys.iter().map(|key| txn.read::<Set>(key)).collect()
}
