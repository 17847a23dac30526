//! `LTRIM key start stop` (<https://redis.io/docs/latest/commands/ltrim/>).

use crate::commands::args::{int, range};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::types::List;
use bytes::Bytes;
use model::Reply;

/// Keeps only the elements from start to stop, both inclusive, negative ones counted from the tail. As in Valkey, and
/// unlike in Redis 7, a trim that removes nothing is no change.
pub const COMMAND: Command = Command::write("ltrim", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (start, stop) = (int(&args[1])?, int(&args[2])?);
    txn.update(&args[0], |list: &mut List| {
        let before = list.len();
        list.keep(range(start, stop, before));
        Edit::when(list.len() < before, ())
    })?;
    Ok(Reply::OK)
}
