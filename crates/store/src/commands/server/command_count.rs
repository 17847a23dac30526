//! `COMMAND COUNT` (<https://redis.io/docs/latest/commands/command-count/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome, implemented};
use crate::db::txn::Txn;
use bytes::Bytes;
use std::collections::BTreeSet;

/// How many commands the store has, subcommands not counted.
pub const COMMAND: Command = Command::read("command|count", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let container = |name: &'static str| name.split_once('|').map_or(name, |(container, _)| container);
    Ok(size(implemented().map(container).collect::<BTreeSet<_>>().len()))
}
