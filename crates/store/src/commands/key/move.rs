//! `MOVE key db` (<https://redis.io/docs/latest/commands/move/>).

use super::shared::database;
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use bytes::Bytes;

/// Moves a key to another database that has no such key; whether it did.
pub const COMMAND: Command = Command::write("move", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, db) = (&args[0], database(txn, &args[1])?);
    if db == txn.database() {
        return Err(errors::custom("source and destination objects are the same"));
    }
    if !txn.exists(key) || txn.in_database(db, |txn| txn.exists(key)) {
        return Ok(flag(false));
    }
    if let Some(entry) = txn.remove(key) {
        let deadline = entry.deadline_ms().map_or(Deadline::Never, Deadline::At);
        txn.in_database(db, |txn| txn.set(key, entry.value, deadline));
    }
    Ok(flag(true))
}
