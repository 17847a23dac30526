//! `XGROUP CREATECONSUMER key group consumer` (<https://redis.io/docs/latest/commands/xgroup-createconsumer/>).

use super::shared::groups::{create_consumer, group_of};
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Adds a consumer to a group; whether it is new.
pub const COMMAND: Command = Command::write("xgroup|createconsumer", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    group_of(txn, &args[0], &args[1])?;
    Ok(flag(create_consumer(txn, &args[0], &args[1], &args[2])?))
}
