//! `ACL GETUSER username` (<https://redis.io/docs/latest/commands/acl-getuser/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use acl::SelectorText;
use bytes::Bytes;
use model::Reply;

/// What a user may do and how it comes in; null if there is none of this name.
pub const COMMAND: Command = Command::read("acl|getuser", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let Some((_, user)) = txn.state.users.named(&args[0]) else { return Ok(Reply::Null) };
    let flags = user.flags().into_iter().map(Reply::bulk).collect();
    let passwords = user.passwords().map(Reply::bulk).collect();
    let mut selectors = user.selectors();
    let mut fields =
        vec![(Reply::bulk("flags"), Reply::Set(flags)), (Reply::bulk("passwords"), Reply::Array(passwords))];
    fields.extend(selectors.next().map(rules).unwrap_or_default());
    let others = selectors.map(|selector| Reply::Map(rules(selector))).collect();
    fields.push((Reply::bulk("selectors"), Reply::Array(others)));
    Ok(Reply::Map(fields))
}

fn rules(text: SelectorText) -> Vec<(Reply, Reply)> {
    let SelectorText { commands, keys, channels } = text;
    [("commands", commands), ("keys", keys), ("channels", channels)]
        .map(|(name, text)| (Reply::bulk(name), Reply::bulk(text)))
        .into()
}
