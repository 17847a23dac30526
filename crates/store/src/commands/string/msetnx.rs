//! `MSETNX key value [key value …]` (<https://redis.io/docs/latest/commands/msetnx/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome, wrong_number_of_arguments};
use crate::db::txn::{Deadline, Txn};
use crate::types::{Text, Value};
use bytes::Bytes;

/// Sets several strings if none of the keys exists; whether it did.
pub const COMMAND: Command = Command::write("msetnx", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(wrong_number_of_arguments("msetnx"));
    }
    let free = args.chunks_exact(2).all(|pair| !txn.exists(&pair[0]));
    for pair in args.chunks_exact(2).filter(|_| free) {
        txn.set(&pair[0], Value::Str(Text::new(&pair[1])), Deadline::Never);
    }
    Ok(flag(free))
}
