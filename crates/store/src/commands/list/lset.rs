//! `LSET key index element` (<https://redis.io/docs/latest/commands/lset/>).

use crate::commands::args::{index, int};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::List;
use bytes::Bytes;
use model::Reply;

/// Replaces the element at an index.
pub const COMMAND: Command = Command::write("lset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let set = txn.try_update(&args[0], |list: &mut List| {
        let position = index(int(&args[1])?, list.len()).ok_or(errors::INDEX_OUT_OF_RANGE)?;
        list.set(position, &args[2]);
        Ok(Edit::changed(Reply::OK))
    })?;
    set.ok_or(errors::NO_SUCH_KEY)
}
