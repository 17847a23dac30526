//! `RENAME key newkey` (<https://redis.io/docs/latest/commands/rename/>).

use super::shared::rename;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Gives a key another name; a key that has it is replaced.
pub const COMMAND: Command = Command::write("rename", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    rename(txn, &args[0], &args[1], false)?;
    Ok(Reply::OK)
}
