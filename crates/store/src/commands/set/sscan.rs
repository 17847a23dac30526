//! `SSCAN key cursor [MATCH pattern] [COUNT count]` (<https://redis.io/docs/latest/commands/sscan/>).

use crate::commands::scan::Scan;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Set;
use bytes::Bytes;
use model::Reply;

/// A walk over the members, a part of them per call: the next cursor, and members.
pub const COMMAND: Command = Command::read("sscan", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let cursor = Scan::cursor(&args[1])?;
    let Some(set) = txn.read::<Set>(&args[0])? else { return Ok(Scan::reply(0, Vec::new())) };
    let scan = Scan::parse(cursor, &args[2..])?;
    let mut found = Vec::new();
    let next = set.scan(scan.cursor, scan.count, |member| {
        if scan.matches(member) {
            found.push(Reply::bulk(member));
        }
    });
    Ok(Scan::reply(next, found))
}
