//! `ZMPOP numkeys key [key …] MIN | MAX [COUNT count]` (<https://redis.io/docs/latest/commands/zmpop/>).

use super::shared::{End, pop};
use crate::commands::args::{count, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Takes members from one end of the first key that has some.
pub const COMMAND: Command = Command::write("zmpop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let numkeys = count(&args[0]).ok().filter(|&n| n > 0).ok_or(errors::NUMKEYS_NOT_POSITIVE)?;
    let (keys, rest) = args[1..].split_at_checked(numkeys).ok_or(errors::SYNTAX)?;
    let (end, options) = rest.split_first().ok_or(errors::SYNTAX)?;
    let end = match () {
        () if is(end, "MIN") => End::Min,
        () if is(end, "MAX") => End::Max,
        () => return Err(errors::SYNTAX),
    };
    let max = match options {
        [] => 1,
        [option, max] if is(option, "COUNT") => {
            count(max).ok().filter(|&max| max > 0).ok_or(errors::COUNT_NOT_POSITIVE)?
        }
        _ => return Err(errors::SYNTAX),
    };
    for key in keys {
        let popped = pop(txn, key, end, max)?;
        if !popped.is_empty() {
            return Ok(Reply::Array(vec![Reply::Bulk(key.clone()), Reply::Array(popped)]));
        }
    }
    Ok(Reply::Null)
}
