//! `LATENCY RESET [event …]` (<https://redis.io/docs/latest/commands/latency-reset/>).

use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// Forgets delays; of how many kinds.
pub const COMMAND: Command = Command::write("latency|reset", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let meant = args.is_empty() || args.iter().any(|event| event.eq_ignore_ascii_case(b"command"));
    Ok(flag(meant && txn.state.slowlog.forget_delays()))
}
