//! `ACL CAT [category]` (<https://redis.io/docs/latest/commands/acl-cat/>).

use super::shared::wrong_usage;
use crate::commands::{Command, Outcome, Registry};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;
use model::command::Categories;

/// The categories, or the store's commands of one.
pub const COMMAND: Command = Command::read("acl|cat", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let names: Vec<Reply> = match args {
        [] => Categories::NAMES.iter().map(|name| Reply::bulk(*name)).collect(),
        [name] => {
            let name = String::from_utf8_lossy(name);
            let unknown = || errors::custom(format!("Unknown category '{name}'"));
            let category = Categories::named(&name).ok_or_else(unknown)?;
            let specs = Registry::shared().table.iter().filter(|spec| spec.categories.contains(category));
            specs.map(|spec| Reply::bulk(&*spec.name)).collect()
        }
        _ => return Err(wrong_usage("CAT")),
    };
    Ok(Reply::Array(names))
}
