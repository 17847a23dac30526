//! `MSET key value [key value …]` (<https://redis.io/docs/latest/commands/mset/>).

use crate::commands::{Command, Outcome, wrong_number_of_arguments};
use crate::db::txn::{Deadline, Txn};
use crate::types::{Text, Value};
use bytes::Bytes;
use model::Reply;

/// Sets several strings.
pub const COMMAND: Command = Command::write("mset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(wrong_number_of_arguments("mset"));
    }
    for pair in args.chunks_exact(2) {
        txn.set(&pair[0], Value::Str(Text::new(&pair[1])), Deadline::Never);
    }
    Ok(Reply::OK)
}
