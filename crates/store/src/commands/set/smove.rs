//! `SMOVE source destination member` (<https://redis.io/docs/latest/commands/smove/>).

use super::shared::is_member;
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::Set;
use bytes::Bytes;

/// Moves a member from one set to another; whether it was there.
pub const COMMAND: Command = Command::write("smove", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (source, destination, member) = (&args[0], &args[1], &args[2]);
    let Some(set) = txn.read::<Set>(source)? else { return Ok(flag(false)) };
    if source == destination {
        return Ok(is_member(Some(set), member));
    }
    txn.read::<Set>(destination)?;
    let moved = txn.update(source, |set: &mut Set| {
        let removed = set.remove(member);
        Edit::when(removed, removed)
    })?;
    if moved == Some(true) {
        let seed = txn.seed();
        txn.write(destination, |set: &mut Set| Edit::when(set.insert(member, seed), ()))?;
    }
    Ok(flag(moved == Some(true)))
}
