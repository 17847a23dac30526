//! `GETSET key value` (<https://redis.io/docs/latest/commands/getset/>).

use crate::commands::args::text_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::types::{Text, Value};
use bytes::Bytes;

/// Sets a string and answers the one that was there.
pub const COMMAND: Command = Command::write("getset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let old = text_or_null(txn.read::<Text>(&args[0])?);
    txn.set(&args[0], Value::Str(Text::new(&args[1])), Deadline::Never);
    Ok(old)
}
