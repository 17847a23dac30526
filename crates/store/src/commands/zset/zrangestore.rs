//! `ZRANGESTORE destination source start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count]` (<https://redis.io/docs/latest/commands/zrangestore/>).

use super::shared::{Selection, store};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;

/// Stores the members of a range in another key; how many they are.
pub const COMMAND: Command = Command::write("zrangestore", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (destination, source) = (&args[0], &args[1]);
    let selection = Selection::parse(&args[2..], None, None, true)?;
    let mut selected = Zset::new(txn.seed());
    if let Some(zset) = txn.read::<Zset>(source)? {
        zset.range(selection.ranks(zset)).for_each(|(member, score)| _ = selected.insert(member, score));
    }
    Ok(store(txn, destination, selected))
}
