//! `ZINTERCARD numkeys key [key …] [LIMIT limit]` (<https://redis.io/docs/latest/commands/zintercard/>).

use super::shared::{input_keys, sources};
use crate::commands::args::{count, is, size, value};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::zset::combine::intersection_len;
use bytes::Bytes;

/// How many members are in all of the keys, counted up to a limit (0: none).
pub const COMMAND: Command = Command::read("zintercard", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let (keys, options) = input_keys(args, "zintercard")?;
    let sources = sources(txn, keys)?;
    let mut max = usize::MAX;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if !is(option, "LIMIT") {
            return Err(errors::SYNTAX);
        }
        let limit = count(value(&mut options)?).map_err(|_| errors::LIMIT_NEGATIVE)?;
        max = if limit == 0 { usize::MAX } else { limit };
    }
    Ok(size(intersection_len(&sources, max)))
}
