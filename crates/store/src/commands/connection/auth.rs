//! `AUTH [username] password` (<https://redis.io/docs/latest/commands/auth/>).

use super::shared::authenticate;
use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Presents a password.
pub const COMMAND: Command = Command::client("auth", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    match args {
        [password] => {
            if txn.state.settings.get("requirepass").is_none_or(str::is_empty) {
                return Err(errors::custom(
                    "AUTH <password> called without any password configured for the default user. Are you sure your \
                     configuration is correct?",
                ));
            }
            authenticate(txn, id, b"default", password)?;
        }
        [user, password] => authenticate(txn, id, user, password)?,
        _ => return Err(errors::SYNTAX),
    }
    Ok(Some(Reply::OK))
}
