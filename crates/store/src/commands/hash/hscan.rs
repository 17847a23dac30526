//! `HSCAN key cursor [MATCH pattern] [COUNT count]` (<https://redis.io/docs/latest/commands/hscan/>).

use crate::commands::scan::Scan;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Hash;
use bytes::Bytes;
use model::Reply;

/// A walk over the fields, a part of them per call: the next cursor, and fields and values in turn.
pub const COMMAND: Command = Command::read("hscan", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let cursor = Scan::cursor(&args[1])?;
    let Some(hash) = txn.read::<Hash>(&args[0])? else { return Ok(Scan::reply(0, Vec::new())) };
    let scan = Scan::parse(cursor, &args[2..])?;
    let mut found = Vec::new();
    let next = hash.scan(scan.cursor, scan.count, |field, value| {
        if scan.matches(field) {
            found.extend([Reply::bulk(field), Reply::bulk(value)]);
        }
    });
    Ok(Scan::reply(next, found))
}
