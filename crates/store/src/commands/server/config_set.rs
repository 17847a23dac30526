//! `CONFIG SET parameter value [parameter value …]` (<https://redis.io/docs/latest/commands/config-set/>).

use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Changes settings, all of them or none.
pub const COMMAND: Command = Command::write("config|set", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(errors::SYNTAX);
    }
    txn.state.settings.set(args)?;
    // Only if it is named: `default` may have got another password from ACL SETUSER.
    if args.iter().step_by(2).any(|name| is(name, "requirepass")) {
        txn.state.require_password();
    }
    Ok(Reply::OK)
}
