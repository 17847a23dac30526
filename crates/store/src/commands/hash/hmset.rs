//! `HMSET key field value [field value …]` (<https://redis.io/docs/latest/commands/hmset/>).

use super::shared::set_fields;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Sets fields. `HSET` with another answer.
pub const COMMAND: Command = Command::write("hmset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    set_fields(txn, args, "hmset")?;
    Ok(Reply::OK)
}
