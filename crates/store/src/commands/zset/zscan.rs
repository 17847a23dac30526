//! `ZSCAN key cursor [MATCH pattern] [COUNT count]` (<https://redis.io/docs/latest/commands/zscan/>).

use crate::commands::scan::Scan;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;
use model::double::DoubleText;

/// A walk over the members, a part of them per call: the next cursor, and members and scores (as text) in turn.
pub const COMMAND: Command = Command::read("zscan", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let cursor = Scan::cursor(&args[1])?;
    let Some(zset) = txn.read::<Zset>(&args[0])? else { return Ok(Scan::reply(0, Vec::new())) };
    let scan = Scan::parse(cursor, &args[2..])?;
    let mut found = Vec::new();
    let next = zset.scan(scan.cursor, scan.count, |member, score| {
        if scan.matches(member) {
            found.extend([Reply::bulk(member), Reply::bulk(DoubleText::new(score).as_bytes())]);
        }
    });
    Ok(Scan::reply(next, found))
}
