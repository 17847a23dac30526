//! `COMMAND GETKEYSANDFLAGS command [arg …]` (<https://redis.io/docs/latest/commands/command-getkeysandflags/>).

use super::shared::table::keys_of;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// The keys of a command line, and what happens to each.
pub const COMMAND: Command = Command::read("command|getkeysandflags", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let keys = keys_of(args)?;
    let shown = keys.into_iter().map(|key| {
        let flags = key.flags.names().map(|name| Reply::Simple(Bytes::from_static(name.as_bytes())));
        Reply::Array(vec![Reply::Bulk(args[key.position].clone()), Reply::Set(flags.collect())])
    });
    Ok(Reply::Array(shown.collect()))
}
