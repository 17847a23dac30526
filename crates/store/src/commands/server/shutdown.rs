//! `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]` (<https://redis.io/docs/latest/commands/shutdown/>).

use crate::client::ClientId;
use crate::client::{Output, OwnerRequest};
use crate::commands::args::is;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Ends the server; answered only if it does not.
pub const COMMAND: Command = Command::client("shutdown", run);

fn run(txn: &mut Txn<'_>, _: ClientId, args: &[Bytes]) -> Attempt {
    let (mut save, mut force, mut abort) = (None, false, false);
    for arg in args {
        match arg {
            arg if is(arg, "NOSAVE") && save.is_none() => save = Some(false),
            arg if is(arg, "SAVE") && save.is_none() => save = Some(true),
            arg if is(arg, "NOW") => {}
            arg if is(arg, "FORCE") => force = true,
            arg if is(arg, "ABORT") => abort = true,
            _ => return Err(errors::SYNTAX),
        }
    }
    if abort && args.len() > 1 {
        return Err(errors::SYNTAX);
    }
    let request = if abort { OwnerRequest::AbortShutdown } else { OwnerRequest::Shutdown { save, force } };
    txn.state.outbox.push(Output::Request(request));
    Ok(abort.then_some(Reply::OK))
}
