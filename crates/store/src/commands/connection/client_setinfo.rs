//! `CLIENT SETINFO LIB-NAME libname | LIB-VER libver` (<https://redis.io/docs/latest/commands/client-setinfo/>).

use crate::client::ClientId;
use crate::commands::args::is;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Says which library speaks.
pub const COMMAND: Command = Command::client("client|setinfo", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let (slot, name) = match &args[0] {
        name if is(name, "LIB-NAME") => (0, "lib-name"),
        name if is(name, "LIB-VER") => (1, "lib-ver"),
        other => {
            let shown = String::from_utf8_lossy(other);
            return Err(errors::custom(format!("Unrecognized option '{shown}'")));
        }
    };
    if !args[1].iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(errors::custom(format!("{name} cannot contain spaces, newlines or special characters.")));
    }
    txn.client_mut(id).library[slot] = args[1].clone();
    Ok(Some(Reply::OK))
}
