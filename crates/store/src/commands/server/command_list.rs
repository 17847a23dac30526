//! `COMMAND LIST [FILTERBY MODULE module | ACLCAT category | PATTERN pattern]`
//! (<https://redis.io/docs/latest/commands/command-list/>).

use super::shared::table::{all, category, top_level};
use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;
use model::glob;

/// The names of commands.
pub const COMMAND: Command = Command::read("command|list", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let name = |spec: &model::command::CommandSpec| Reply::bulk(&*spec.name);
    Ok(Reply::Array(match args {
        [] => top_level().map(name).collect(),
        [by, what, _] if is(by, "FILTERBY") && is(what, "MODULE") => Vec::new(),
        [by, what, wanted] if is(by, "FILTERBY") && is(what, "ACLCAT") => {
            let Some(wanted) = category(wanted) else { return Ok(Reply::Array(Vec::new())) };
            all().filter(|spec| spec.categories.contains(wanted)).map(name).collect()
        }
        [by, what, wanted] if is(by, "FILTERBY") && is(what, "PATTERN") => {
            let wanted = wanted.to_ascii_lowercase();
            all().filter(|spec| glob::matches(&wanted, spec.name.as_bytes())).map(name).collect()
        }
        _ => return Err(errors::SYNTAX),
    }))
}
