//! `HELLO [protover [AUTH username password] [SETNAME clientname]]` (<https://redis.io/docs/latest/commands/hello/>).

use super::shared::checked_name;
use crate::client::ClientId;
use crate::client::Output;
use crate::commands::args::is;
use crate::commands::server::REDIS_VERSION;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::Error;
use model::Reply;

/// Chooses the protocol, and answers with facts about the server.
pub const COMMAND: Command = Command::client("hello", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    if let Some((version, options)) = args.split_first() {
        let wrong = || errors::custom("Protocol version is not an integer or out of range");
        let version = parse_int(version).ok_or_else(wrong)?;
        if version != 2 && version != 3 {
            return Err(Error::new("NOPROTO", "unsupported protocol version"));
        }
        greet(txn, id, options)?;
        txn.client_mut(id).resp = if version == 3 { 3 } else { 2 };
        let resp = txn.client(id).resp;
        txn.state.outbox.push(Output::Protocol { client: id, resp });
    }
    must_be_authenticated(txn, id)?;
    let facts = [
        ("server", Reply::bulk("redis")),
        ("version", Reply::bulk(REDIS_VERSION)),
        ("proto", Reply::Int(txn.client(id).resp.into())),
        ("id", Reply::Int(id.0 as i64)),
        ("mode", Reply::bulk("standalone")),
        ("role", Reply::bulk("master")),
        ("modules", Reply::Array(Vec::new())),
    ];
    Ok(Some(Reply::Map(facts.into_iter().map(|(name, fact)| (Reply::bulk(name), fact)).collect())))
}

/// `[AUTH username password] [SETNAME clientname]`
fn greet(txn: &mut Txn<'_>, id: ClientId, mut options: &[Bytes]) -> Result<(), Error> {
    let mut name = None;
    while let Some(option) = options.first() {
        options = match options {
            [option, user, password, rest @ ..] if is(option, "AUTH") => {
                txn.state.authenticate(id, "HELLO", (user, password), txn.now_ms())?;
                rest
            }
            [option, given, rest @ ..] if is(option, "SETNAME") => {
                name = Some(checked_name(given)?);
                rest
            }
            _ => {
                let shown = String::from_utf8_lossy(option);
                return Err(errors::custom(format!("Syntax error in HELLO option '{shown}'")));
            }
        };
    }
    must_be_authenticated(txn, id)?;
    if let Some(name) = name {
        txn.client_mut(id).name = name;
    }
    Ok(())
}

/// As for every command, in more words: this one could have said who it is.
fn must_be_authenticated(txn: &Txn<'_>, id: ClientId) -> Result<(), Error> {
    txn.state.must_be_authenticated(id).map_err(|error| {
        Error::new(
            error.code,
            "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> \
             option can be used to authenticate the client and select the RESP protocol version at the same time",
        )
    })
}
