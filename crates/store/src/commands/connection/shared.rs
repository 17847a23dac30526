//! Passwords, names, and the options that choose clients.

use crate::client::ClientId;
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Error;

/// Presents a user's password. There is one user, `default`, with the password of the setting `requirepass`; any will do
/// where that is empty.
pub fn authenticate(txn: &mut Txn<'_>, id: ClientId, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let wanted = txn.state.settings.get("requirepass").unwrap_or_default();
    if user != b"default" || !(wanted.is_empty() || is_equal(wanted.as_bytes(), password)) {
        return Err(Error::new("WRONGPASS", "invalid username-password pair or user is disabled."));
    }
    txn.client_mut(id).authenticated = true;
    Ok(())
}

/// Compares without telling by the time it takes how much was right.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y));
    a.len() == b.len() && differences == 0
}

/// A client's name: graphic ASCII without spaces; empty for none.
pub fn checked_name(name: &Bytes) -> Result<Bytes, Error> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(name.clone());
    }
    Err(errors::custom("Client names cannot contain spaces, newlines or special characters."))
}

/// `YES` or `NO`, `ON` or `OFF`.
pub fn switch(arg: &[u8], yes: &str, no: &str) -> Result<bool, Error> {
    use crate::commands::args::is;
    match arg {
        arg if is(arg, yes) => Ok(true),
        arg if is(arg, no) => Ok(false),
        _ => Err(errors::SYNTAX),
    }
}

/// Whether a connection is of a type that `CLIENT LIST` and `CLIENT KILL` know.
pub fn is_of_type(client: &crate::client::Client, kind: &[u8]) -> Result<bool, Error> {
    use crate::commands::args::is;
    match kind {
        kind if is(kind, "NORMAL") => Ok(!client.is_subscribed()),
        kind if is(kind, "PUBSUB") => Ok(client.is_subscribed()),
        kind if is(kind, "MASTER") || is(kind, "REPLICA") || is(kind, "SLAVE") => Ok(false),
        kind => Err(errors::custom(format!("Unknown client type '{}'", String::from_utf8_lossy(kind)))),
    }
}
