//! `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]`
//! (<https://redis.io/docs/latest/commands/sort/>).

use super::shared::sort::{Sorting, store};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Sorts the elements of a list, set or sorted set, by themselves or by what other keys hold.
pub const COMMAND: Command = Command::write("sort", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let sorting = Sorting::parse(&args[1..], true)?;
    let found = sorting.run(txn, &args[0])?;
    Ok(match sorting.destination() {
        Some(destination) => {
            log_result(txn, &sorting, destination, &found);
            store(txn, destination, found)
        }
        None => Reply::Array(found),
    })
}

/// What other keys hold may be due now, and is there when a log is loaded: then the log has what came of it.
fn log_result(txn: &mut Txn<'_>, sorting: &Sorting<'_>, destination: &Bytes, found: &[Reply]) {
    let is_any_due = txn.db().next_deadline_ms().is_some_and(|deadline| deadline <= txn.now_ms());
    if !sorting.looks_up() || !is_any_due {
        return;
    }
    let text = |reply: &Reply| if let Reply::Bulk(text) = reply { text.clone() } else { Bytes::new() };
    let mut push = vec![Bytes::from_static(b"RPUSH"), destination.clone()];
    push.extend(found.iter().map(text));
    let delete = vec![Bytes::from_static(b"DEL"), destination.clone()];
    txn.log_as(if found.is_empty() { vec![delete] } else { vec![delete, push] });
}
