//! `CLIENT CACHING YES | NO` (<https://redis.io/docs/latest/commands/client-caching/>).

use super::shared::switch;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Whether the keys of the next command, or transaction, are remembered.
pub const COMMAND: Command = Command::client("client|caching", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let Some(tracked) = txn.client_mut(id).tracking.as_mut() else {
        return Err(errors::custom(
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    let yes = switch(&args[0], "YES", "NO")?;
    if yes && !tracked.opt_in {
        return Err(errors::custom("CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."));
    }
    if !yes && !tracked.opt_out {
        return Err(errors::custom("CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."));
    }
    tracked.caching = Some(yes);
    Ok(Some(Reply::OK))
}
