//! Intersections, unions and differences, answered or stored.

use crate::commands::args::size;
use crate::commands::{Outcome, args};
use crate::db::txn::{Deadline, Txn};
use crate::types::{Kind, Set};
use bytes::Bytes;
use model::{Error, Reply};

/// How members of several sets are put together.
pub type Combine = fn(&Txn<'_>, &[Bytes]) -> Result<Vec<Bytes>, Error>;

/// The members that all sets have.
pub fn intersection(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Vec<Bytes>, Error> {
    intersection_up_to(txn, keys, usize::MAX)
}

/// At most `limit` members that all sets have. The smallest set is walked, the others are asked.
pub fn intersection_up_to(txn: &Txn<'_>, keys: &[Bytes], limit: usize) -> Result<Vec<Bytes>, Error> {
    let sets = read_all(txn, keys)?;
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else { return Ok(Vec::new()) };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return Ok(Vec::new()) };
    let common = smallest.names().filter(|member| others.iter().all(|set| set.contains(member)));
    Ok(common.take(limit).cloned().collect())
}

/// The members that any set has.
pub fn union(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Vec<Bytes>, Error> {
    let mut seen = Set::empty(txn.seed());
    for set in read_all(txn, keys)?.into_iter().flatten() {
        set.names().for_each(|member| _ = seen.insert(member.clone(), ()));
    }
    Ok(seen.names().cloned().collect())
}

/// The members of the first set that no other has.
pub fn difference(txn: &Txn<'_>, keys: &[Bytes]) -> Result<Vec<Bytes>, Error> {
    let sets = read_all(txn, keys)?;
    let Some(first) = sets[0] else { return Ok(Vec::new()) };
    let others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
    Ok(first.names().filter(|member| !others.iter().any(|set| set.contains(member))).cloned().collect())
}

/// Answers the members as a set.
pub fn reply(members: Vec<Bytes>) -> Outcome {
    Ok(Reply::Set(members.into_iter().map(Reply::Bulk).collect()))
}

/// Stores what the sets of `args[1..]` give under the key `args[0]`, whatever it held; how many members that are. Nothing
/// left deletes it.
pub fn store(txn: &mut Txn<'_>, args: &[Bytes], combine: Combine) -> Outcome {
    let members = combine(txn, &args[1..])?;
    let mut set = Set::empty(txn.seed());
    let count = members.len();
    members.into_iter().for_each(|member| _ = set.insert(member, ()));
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
