//! `SINTERCARD numkeys key [key …] [LIMIT limit]` (<https://redis.io/docs/latest/commands/sintercard/>).

use super::shared::intersection_len;
use crate::commands::args::{counted_keys, int, is, positive, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// How many members all sets have, counted up to the limit; 0 is no limit.
pub const COMMAND: Command = Command::read("sintercard", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let numkeys = |arg: &[u8]| positive(arg).ok_or(errors::NUMKEYS_NOT_POSITIVE);
    let (keys, options) = counted_keys(args, numkeys, errors::NUMKEYS_TOO_MANY)?;
    let mut limit = usize::MAX;
    for option in options.chunks(2) {
        let [word, number] = option else { return Err(errors::SYNTAX) };
        if !is(word, "LIMIT") {
            return Err(errors::SYNTAX);
        }
        limit = int(number).ok().and_then(|n| usize::try_from(n).ok()).ok_or(errors::LIMIT_NEGATIVE)?;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    Ok(size(intersection_len(txn, keys, limit)?))
}
