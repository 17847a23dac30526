//! `CLIENT KILL ip:port | [ID client-id] [TYPE type] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME YES | NO] [MAXAGE seconds]`
//! (<https://redis.io/docs/latest/commands/client-kill/>).

use super::shared::{is_of_type, switch};
use crate::client::Client;
use crate::client::ClientId;
use crate::commands::args::is;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use acl::{UserId, Users};
use bytes::Bytes;
use model::{Error, Reply};

/// Closes connections: the one with this address, or all that fit; how many.
pub const COMMAND: Command = Command::client("client|kill", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let by_address = args.len() == 1;
    let filter = if by_address {
        Filter { address: Some(&args[0]), skip_me: false, ..Filter::default() }
    } else {
        Filter::parse(args, &txn.state.users)?
    };
    let mut killed = Vec::new();
    for client in txn.state.clients.in_order() {
        if filter.fits(client, txn.now_ms())? && !(filter.skip_me && client.id == id) {
            killed.push(client.id);
        }
    }
    if by_address && killed.is_empty() {
        return Err(errors::custom("No such client"));
    }
    for &victim in &killed {
        if victim == id {
            txn.client_mut(id).closing = true;
        } else {
            txn.state.pending.to_close.push(victim);
        }
    }
    Ok(Some(if by_address { Reply::OK } else { Reply::Int(killed.len() as i64) }))
}

/// Which connections are meant: those that fit in every way that is said.
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<&'a Bytes>,
    user: Option<UserId>,
    address: Option<&'a Bytes>,
    local_address: Option<&'a Bytes>,
    age_min_s: Option<u64>,
    skip_me: bool,
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Filter { id: None, kind: None, user: None, address: None, local_address: None, age_min_s: None, skip_me: true }
    }
}

impl<'a> Filter<'a> {
    fn parse(args: &'a [Bytes], users: &Users) -> Result<Filter<'a>, Error> {
        let mut filter = Filter::default();
        let positive = |arg: &[u8], what: &str| {
            let number = parse_int(arg).and_then(|number| u64::try_from(number).ok()).filter(|&number| number > 0);
            number.ok_or_else(|| errors::custom(format!("{what} should be greater than 0")))
        };
        for pair in args.chunks(2) {
            let [option, value] = pair else { return Err(errors::SYNTAX) };
            match option {
                o if is(o, "ID") => filter.id = Some(positive(value, "client-id")?),
                o if is(o, "TYPE") => filter.kind = Some(value),
                o if is(o, "USER") => filter.user = Some(user(value, users)?),
                o if is(o, "ADDR") => filter.address = Some(value),
                o if is(o, "LADDR") => filter.local_address = Some(value),
                o if is(o, "MAXAGE") => filter.age_min_s = Some(positive(value, "maxage")?),
                o if is(o, "SKIPME") => filter.skip_me = switch(value, "YES", "NO")?,
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(filter)
    }

    fn fits(&self, client: &Client, now_ms: u64) -> Result<bool, Error> {
        let same = |wanted: Option<&Bytes>, is: &str| wanted.is_none_or(|wanted| wanted[..] == *is.as_bytes());
        let age_s = now_ms.saturating_sub(client.connected_ms) / 1000;
        Ok(self.id.is_none_or(|id| id == client.id.0)
            && self.user.is_none_or(|user| user == client.user)
            && same(self.address, &client.peer.address)
            && same(self.local_address, &client.peer.local_address)
            && self.age_min_s.is_none_or(|age| age_s >= age)
            && self.kind.map_or(Ok(true), |kind| is_of_type(client, kind))?)
    }
}

fn user(name: &Bytes, users: &Users) -> Result<UserId, Error> {
    let user = users.named(name).map(|(id, _)| id);
    user.ok_or_else(|| errors::custom(format!("No such user '{}'", String::from_utf8_lossy(name))))
}
