//! `XGROUP DESTROY key group` (<https://redis.io/docs/latest/commands/xgroup-destroy/>).

use super::shared::groups::key_must_exist;
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Edit;
use crate::db::txn::Txn;
use crate::events::Classes;
use crate::types::Stream;
use bytes::Bytes;

/// Removes a consumer group with all that is pending in it; whether there was one.
pub const COMMAND: Command = Command::write("xgroup|destroy", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let removed = txn.try_update_quietly(&args[0], |stream: &mut Stream| {
        let removed = stream.remove_group(&args[1]);
        Ok(Edit::when(removed, removed))
    })?;
    let removed = removed.ok_or_else(key_must_exist)?;
    if removed {
        txn.notify(Classes::STREAM, "xgroup-destroy", &args[0]);
        // Who waits for the group is told that it is gone.
        txn.state.waiting.touched(txn.database(), &args[0]);
    }
    Ok(flag(removed))
}
