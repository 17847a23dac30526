//! `AUTH [username] password` (<https://redis.io/docs/latest/commands/auth/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Whose password it is where nobody is named.
static DEFAULT_NAME: Bytes = Bytes::from_static(b"default");

/// Presents a password.
pub const COMMAND: Command = Command::client("auth", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    match args {
        [password] => {
            if txn.state.users.get(acl::DEFAULT).needs_no_password {
                return Err(errors::custom(
                    "AUTH <password> called without any password configured for the default user. Are you sure your \
                     configuration is correct?",
                ));
            }
            txn.state.authenticate(id, "AUTH", (&DEFAULT_NAME, password), txn.now_ms())?;
        }
        [user, password] => txn.state.authenticate(id, "AUTH", (user, password), txn.now_ms())?,
        _ => return Err(errors::SYNTAX),
    }
    Ok(Some(Reply::OK))
}
