//! `RANDOMKEY` (<https://redis.io/docs/latest/commands/randomkey/>).

use crate::commands::args::bulk_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// A key of the database, each as likely as any other.
pub const COMMAND: Command = Command::read("randomkey", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(bulk_or_null(txn.db().random_key(txn.random(), txn.now_ms())))
}
