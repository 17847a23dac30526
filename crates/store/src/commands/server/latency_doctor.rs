//! `LATENCY DOCTOR` (<https://redis.io/docs/latest/commands/latency-doctor/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Advice about delays.
pub const COMMAND: Command = Command::read("latency|doctor", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let text = match txn.state.slowlog.latency() {
        None => "Dave, no latency spike was observed during the lifetime of this keywire instance, not in the slightest bit.\n".to_owned(),
        Some((_, ms, worst)) => format!("Commands took long: {ms} ms the last time, {worst} ms at the worst. SLOWLOG GET shows which.\n"),
    };
    Ok(Reply::Verbatim { format: *b"txt", text: text.into() })
}
