//! `LOLWUT [VERSION version]` (<https://redis.io/docs/latest/commands/lolwut/>).

use super::REDIS_VERSION;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The version, and no picture.
pub const COMMAND: Command = Command::read("lolwut", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let text = format!("keywire {}, as Redis ver. {REDIS_VERSION}\n", env!("CARGO_PKG_VERSION"));
    Ok(Reply::Verbatim { format: *b"txt", text: text.into() })
}
