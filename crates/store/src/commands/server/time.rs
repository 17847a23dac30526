//! `TIME` (<https://redis.io/docs/latest/commands/time/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The seconds since 1970, and the microseconds of the current second; the store's clock ticks in milliseconds.
pub const COMMAND: Command = Command::read("time", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let now_ms = txn.now_ms();
    let number = |n: u64| Reply::bulk(itoa::Buffer::new().format(n));
    Ok(Reply::Array(vec![number(now_ms / 1000), number(now_ms % 1000 * 1000)]))
}
