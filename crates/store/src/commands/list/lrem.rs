//! `LREM key count element` (<https://redis.io/docs/latest/commands/lrem/>).

use crate::commands::args::{int, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::List;
use bytes::Bytes;

/// Removes elements that equal the given one: so many from the head, from the tail if the count is negative, all if it
/// is 0. How many were removed.
pub const COMMAND: Command = Command::write("lrem", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (count, element) = (int(&args[1])?, &args[2]);
    let removed = txn.update(&args[0], |list: &mut List| {
        let removed = remove(list, count, element);
        Edit::when(removed > 0, removed)
    })?;
    Ok(size(removed.unwrap_or(0)))
}

fn remove(list: &mut List, count: i64, element: &[u8]) -> usize {
    let equal = list.iter().filter(|other| *other == element).count();
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let removed = if count == 0 { equal } else { equal.min(wanted) };
    // Equal elements before the first one that goes: none, unless the count runs from the tail.
    let skipped = if count < 0 { equal - removed } else { 0 };
    let mut seen = 0;
    list.retain(|other| {
        if other != element {
            return true;
        }
        seen += 1;
        seen <= skipped || seen > skipped + removed
    });
    removed
}
