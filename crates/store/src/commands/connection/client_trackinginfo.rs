//! `CLIENT TRACKINGINFO` (<https://redis.io/docs/latest/commands/client-trackinginfo/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// How this connection tracks keys.
pub const COMMAND: Command = Command::client("client|trackinginfo", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    let (mut flags, mut redirect, mut prefixes) = (Vec::new(), -1, Vec::new());
    match &txn.client(id).tracking {
        None => flags.push("off"),
        Some(tracked) => {
            let named = [
                ("on", true),
                ("bcast", tracked.broadcast.is_some()),
                ("optin", tracked.opt_in),
                ("caching-yes", tracked.opt_in && tracked.caching == Some(true)),
                ("optout", tracked.opt_out),
                ("caching-no", tracked.opt_out && tracked.caching == Some(false)),
                ("noloop", tracked.no_loop),
                ("broken_redirect", tracked.is_broken),
            ];
            flags.extend(named.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name));
            redirect = tracked.redirect.map_or(0, |to| to.0 as i64);
            let mut sorted = tracked.broadcast.clone();
            sorted.iter_mut().for_each(|prefixes| prefixes.sort());
            prefixes = sorted.iter().flatten().map(|prefix| Reply::Bulk(prefix.clone())).collect();
        }
    }
    Ok(Some(Reply::Map(vec![
        (Reply::bulk("flags"), Reply::Set(flags.into_iter().map(Reply::bulk).collect())),
        (Reply::bulk("redirect"), Reply::Int(redirect)),
        (Reply::bulk("prefixes"), Reply::Array(prefixes)),
    ])))
}
