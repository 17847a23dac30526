//! `KEYS pattern` (<https://redis.io/docs/latest/commands/keys/>).

use crate::commands::args::strings;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::{Shape, glob};

/// All keys that match a glob.
pub const COMMAND: Command = Command::read("keys", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let keys = txn.db().iter(txn.now_ms()).map(|(key, _)| key);
    let found = keys.filter(|key| glob::matches(&args[0], key));
    strings(txn.room(), Shape::Array, found)
}
