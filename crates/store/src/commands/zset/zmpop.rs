//! `ZMPOP numkeys key [key …] MIN | MAX [COUNT count]` (<https://redis.io/docs/latest/commands/zmpop/>).

use super::shared::{End, pop};
use crate::commands::args::multi_pop;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Takes members from one end of the first key that has some.
pub const COMMAND: Command = Command::write("zmpop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (keys, end, max) = multi_pop(args, End::parse)?;
    for key in keys {
        let popped = pop(txn, key, end, max)?;
        if !popped.is_empty() {
            return Ok(Reply::Array(vec![Reply::Bulk(key.clone()), Reply::Array(popped)]));
        }
    }
    Ok(Reply::NullArray)
}
