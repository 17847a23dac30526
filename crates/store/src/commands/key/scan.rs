//! `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]` (<https://redis.io/docs/latest/commands/scan/>).

use crate::commands::scan::Scan;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// A walk over the keys, a part of them per call: the next cursor, and keys. A key that exists from the first call to
/// the last is seen.
pub const COMMAND: Command = Command::read("scan", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let scan = Scan::parse_with_type(Scan::cursor(&args[0])?, &args[1..])?;
    let mut found = Vec::new();
    let next = txn.db().scan(scan.cursor, scan.count, txn.now_ms(), |key, entry| {
        let of_type = scan.type_name.is_none_or(|name| name.eq_ignore_ascii_case(entry.value.type_name().as_bytes()));
        if of_type && scan.matches(key) {
            found.push(Reply::bulk(key));
        }
    });
    Ok(Scan::reply(next, found))
}
