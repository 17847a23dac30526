//! `LMPOP numkeys key [key …] LEFT | RIGHT [COUNT count]` (<https://redis.io/docs/latest/commands/lmpop/>).

use super::shared::{End, pop_up_to, texts};
use crate::commands::args::multi_pop;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::List;
use bytes::Bytes;
use model::Reply;

/// Takes elements from the first list that has any: its key and the elements.
pub const COMMAND: Command = Command::write("lmpop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (keys, end, count) = multi_pop(args, End::parse)?;
    for key in keys {
        if txn.read::<List>(key)?.is_some() {
            let popped = pop_up_to(txn, key, end, count)?.unwrap_or_default();
            return Ok(Reply::Array(vec![Reply::Bulk(key.clone()), texts(popped)]));
        }
    }
    Ok(Reply::NullArray)
}
