//! `GETDEL key` (<https://redis.io/docs/latest/commands/getdel/>).

use crate::commands::args::text_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;

/// The string that a key holds, and the key is deleted.
pub const COMMAND: Command = Command::write("getdel", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let reply = text_or_null(txn.read::<Text>(&args[0])?);
    txn.remove(&args[0]);
    Ok(reply)
}
