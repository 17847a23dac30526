//! `PERSIST key` (<https://redis.io/docs/latest/commands/persist/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Takes a key's deadline away; whether it had one.
pub const COMMAND: Command = Command::write("persist", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let volatile = txn.deadline_ms(&args[0]).is_some();
    if volatile {
        txn.set_deadline(&args[0], None);
    }
    Ok(flag(volatile))
}
