//! Names, and the options that choose clients.

use crate::errors;
use bytes::Bytes;
use model::Error;

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
