//! `CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix …] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`
//! (<https://redis.io/docs/latest/commands/client-tracking/>).

use super::shared::switch;
use crate::client::ClientId;
use crate::client::tracking::{Tracked, overlapping, without_repeats};
use crate::commands::args::is;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::{Error, Reply};

/// Whether this connection is told when keys that it read may have changed.
pub const COMMAND: Command = Command::client("client|tracking", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let on = switch(&args[0], "ON", "OFF")?;
    let (mut wanted, prefixes) = parse(txn, &args[1..])?;
    if !on {
        txn.state.stop_tracking(id);
        return Ok(Some(Reply::OK));
    }
    check(txn.client(id).tracking.as_ref(), &wanted, &prefixes)?;
    let old = txn.client_mut(id).tracking.take();
    txn.state.tracking.clients += usize::from(old.is_none());
    if wanted.broadcast.is_some() {
        let before = old.and_then(|old| old.broadcast);
        // Without a prefix it is the empty one, which every key has.
        let prefixes = if prefixes.is_empty() { vec![Bytes::new()] } else { prefixes };
        if before.is_none() {
            txn.state.tracking.broadcasters.push(id);
        }
        wanted.broadcast = Some(without_repeats(before.unwrap_or_default().into_iter().chain(prefixes).collect()));
    }
    if let Some(receiver) = wanted.redirect {
        txn.client_mut(receiver).is_redirected_to = true;
    }
    txn.client_mut(id).tracking = Some(wanted);
    Ok(Some(Reply::OK))
}

/// The options, and the prefixes among them.
fn parse(txn: &Txn<'_>, args: &[Bytes]) -> Result<(Tracked, Vec<Bytes>), Error> {
    let (mut wanted, mut prefixes, mut rest) = (Tracked::default(), Vec::new(), args);
    while !rest.is_empty() {
        rest = match rest {
            [option, target, after @ ..] if is(option, "REDIRECT") => {
                if wanted.redirect.is_some() {
                    return Err(errors::custom("A client can only redirect to a single other client"));
                }
                let target = parse_int(target).ok_or_else(|| errors::custom("Invalid client ID"))?;
                let target = ClientId(u64::try_from(target).unwrap_or(0));
                if txn.state.clients.get(target).is_none() {
                    return Err(errors::custom("The client ID you want redirect to does not exist"));
                }
                wanted.redirect = Some(target);
                after
            }
            [option, prefix, after @ ..] if is(option, "PREFIX") => {
                prefixes.push(prefix.clone());
                after
            }
            [option, after @ ..] if is(option, "BCAST") => {
                wanted.broadcast = Some(Vec::new());
                after
            }
            [option, after @ ..] if is(option, "OPTIN") => {
                wanted.opt_in = true;
                after
            }
            [option, after @ ..] if is(option, "OPTOUT") => {
                wanted.opt_out = true;
                after
            }
            [option, after @ ..] if is(option, "NOLOOP") => {
                wanted.no_loop = true;
                after
            }
            _ => return Err(errors::SYNTAX),
        };
    }
    Ok((wanted, prefixes))
}

/// Whether the options fit together, and with those that are in force.
fn check(old: Option<&Tracked>, wanted: &Tracked, prefixes: &[Bytes]) -> Result<(), Error> {
    let refuse = |message: &'static str| Err(errors::custom(message));
    let broadcasts = wanted.broadcast.is_some();
    if !broadcasts && !prefixes.is_empty() {
        return refuse("PREFIX option requires BCAST mode to be enabled");
    }
    if old.is_some_and(|old| old.broadcast.is_some() != broadcasts) {
        return refuse(
            "You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a \
             different mode.",
        );
    }
    if broadcasts && (wanted.opt_in || wanted.opt_out) {
        return refuse("OPTIN and OPTOUT are not compatible with BCAST");
    }
    if wanted.opt_in && wanted.opt_out {
        return refuse("You can't specify both OPTIN mode and OPTOUT mode");
    }
    if old.is_some_and(|old| old.opt_in && wanted.opt_out || old.opt_out && wanted.opt_in) {
        return refuse(
            "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a \
             different mode.",
        );
    }
    let before = old.and_then(|old| old.broadcast.as_deref()).unwrap_or_default();
    if let Some((prefix, other)) = overlapping(prefixes, before) {
        let which = if before.contains(other) { "an existing" } else { "another provided" };
        let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
        return Err(errors::custom(format!(
            "Prefix '{prefix}' overlaps with {which} prefix '{other}'. Prefixes for a single client must not overlap."
        )));
    }
    Ok(())
}
