//! `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]` (<https://redis.io/docs/latest/commands/client-unblock/>).

use crate::client::ClientId;
use crate::client::waiting::Resume;
use crate::commands::args::{flag, is};
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;

/// Ends the wait of a connection, as if its time were over or with an error; whether it waited.
pub const COMMAND: Command = Command::client("client|unblock", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let error = match &args[1..] {
        [] => false,
        [how] if is(how, "TIMEOUT") => false,
        [how] if is(how, "ERROR") => true,
        _ => return Err(errors::custom("CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let target = ClientId(parse_int(&args[0]).ok_or(errors::NOT_AN_INTEGER)?.try_into().unwrap_or(0));
    let wait = txn.state.clients.get(target).filter(|_| target != id).and_then(|client| client.wait.as_ref());
    let waits = wait.is_some_and(|wait| !matches!(wait.resume, Resume::Paused { .. }));
    if waits {
        txn.state.pending.to_unblock.push((target, error));
    }
    Ok(Some(flag(waits)))
}
