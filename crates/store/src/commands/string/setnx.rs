//! `SETNX key value` (<https://redis.io/docs/latest/commands/setnx/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::types::{Text, Value};
use bytes::Bytes;

/// Sets a string if the key does not exist; whether it did.
pub const COMMAND: Command = Command::write("setnx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let free = !txn.exists(&args[0]);
    if free {
        txn.set(&args[0], Value::Str(Text::new(&args[1])), Deadline::Never);
    }
    Ok(flag(free))
}
