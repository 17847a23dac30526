//! `COMMAND DOCS [command-name …]` (<https://redis.io/docs/latest/commands/command-docs/>).

use super::shared::table::{documented, named, top_level};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Where commands are documented, and since when they exist.
pub const COMMAND: Command = Command::read("command|docs", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let mut docs = Vec::new();
    let mut room = txn.room();
    for name in args {
        let Some((name, doc)) = named(name).map(documented) else { continue };
        room.take(name.size() + doc.size())?;
        docs.push((name, doc));
    }
    Ok(Reply::Map(if args.is_empty() { top_level().map(documented).collect() } else { docs }))
}
