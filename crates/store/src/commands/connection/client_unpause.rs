//! `CLIENT UNPAUSE` (<https://redis.io/docs/latest/commands/client-unpause/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Lets clients go on.
pub const COMMAND: Command = Command::write("client|unpause", run);

fn run(txn: &mut Txn<'_>, _: &[Bytes]) -> Outcome {
    txn.state.pause = None;
    Ok(Reply::OK)
}
