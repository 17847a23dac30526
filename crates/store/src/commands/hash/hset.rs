//! `HSET key field value [field value …]` (<https://redis.io/docs/latest/commands/hset/>).

use super::shared::set_fields;
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Sets fields; how many are new.
pub const COMMAND: Command = Command::write("hset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(size(set_fields(txn, args, "hset")?))
}
