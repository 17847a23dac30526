//! `SPOP key [count]` (<https://redis.io/docs/latest/commands/spop/>).

use crate::commands::args::count;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::Set;
use bytes::Bytes;
use model::Reply;

/// Removes random members and answers them: one, or a set of so many different ones.
pub const COMMAND: Command = Command::write("spop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let wanted = match &args[1..] {
        [] => None,
        [arg] => Some(count(arg)?),
        _ => return Err(errors::SYNTAX),
    };
    let mut members = pop(txn, &args[0], wanted.unwrap_or(1))?;
    Ok(match wanted {
        None => members.pop().map_or(Reply::Null, Reply::Bulk),
        Some(_) => Reply::Set(members.into_iter().map(Reply::Bulk).collect()),
    })
}

fn pop(txn: &mut Txn<'_>, key: &Bytes, count: usize) -> Result<Vec<Bytes>, model::Error> {
    let random = txn.random().fork();
    let members = txn.update(key, |set: &mut Set| {
        let chosen = set.different(&random, count);
        let members: Vec<Bytes> = chosen.into_iter().map(Bytes::copy_from_slice).collect();
        members.iter().for_each(|member| _ = set.remove(member));
        Edit::when(!members.is_empty(), members)
    })?;
    Ok(members.unwrap_or_default())
}
