//! `LATENCY LATEST` (<https://redis.io/docs/latest/commands/latency-latest/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The newest and the worst delay of each kind.
pub const COMMAND: Command = Command::read("latency|latest", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let shown = txn.state.slowlog.latency().map(|(at_ms, ms, worst)| {
        let times = [at_ms / 1000, ms, worst].map(|n| Reply::Int(n as i64));
        Reply::Array(std::iter::once(Reply::bulk("command")).chain(times).collect())
    });
    Ok(Reply::Array(shown.into_iter().collect()))
}
