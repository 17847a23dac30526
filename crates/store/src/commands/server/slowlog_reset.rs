//! `SLOWLOG RESET` (<https://redis.io/docs/latest/commands/slowlog-reset/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Forgets the commands that took long.
pub const COMMAND: Command = Command::write("slowlog|reset", run);

fn run(txn: &mut Txn<'_>, _: &[Bytes]) -> Outcome {
    txn.state.slowlog.clear();
    Ok(Reply::OK)
}
