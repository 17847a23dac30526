//! `XGROUP DELCONSUMER key group consumer` (<https://redis.io/docs/latest/commands/xgroup-delconsumer/>).

use super::shared::groups::{group_of, with_group_if};
use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Edit;
use crate::db::txn::Txn;
use crate::events::Classes;
use bytes::Bytes;

/// Removes a consumer of a group; how much was pending for it.
pub const COMMAND: Command = Command::write("xgroup|delconsumer", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    group_of(txn, &args[0], &args[1])?;
    let pending = with_group_if(txn, &args[0], &args[1], |group| {
        let pending = group.remove_consumer(&args[2]);
        Edit::when(pending.is_some(), pending)
    })?;
    if pending.is_some() {
        txn.notify(Classes::STREAM, "xgroup-delconsumer", &args[0]);
    }
    Ok(size(pending.unwrap_or(0)))
}
