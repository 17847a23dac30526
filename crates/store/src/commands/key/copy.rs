//! `COPY source destination [DB destination-db] [REPLACE]` (<https://redis.io/docs/latest/commands/copy/>).

use super::shared::database;
use crate::commands::args::{flag, is, value};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use bytes::Bytes;

/// Copies a value with its deadline; whether it did.
pub const COMMAND: Command = Command::write("copy", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (source, destination) = (&args[0], &args[1]);
    let (mut db, mut replace) = (txn.database(), false);
    let mut rest = args[2..].iter();
    while let Some(option) = rest.next() {
        match option {
            o if is(o, "REPLACE") => replace = true,
            o if is(o, "DB") => db = database(txn, value(&mut rest)?)?,
            _ => return Err(errors::SYNTAX),
        }
    }
    if db == txn.database() && source == destination {
        return Err(errors::custom("source and destination objects are the same"));
    }
    let Some(entry) = txn.entry(source) else { return Ok(flag(false)) };
    let (copied, deadline) = (entry.value.clone(), entry.deadline_ms().map_or(Deadline::Never, Deadline::At));
    Ok(txn.in_database(db, |txn| {
        let done = replace || !txn.exists(destination);
        if done {
            txn.set(destination, copied, deadline);
        }
        flag(done)
    }))
}
