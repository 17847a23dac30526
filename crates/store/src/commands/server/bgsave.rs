//! `BGSAVE [SCHEDULE]` (<https://redis.io/docs/latest/commands/bgsave/>).

use super::shared::request;
use crate::client::OwnerRequest;
use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Makes what there is durable, in the background.
pub const COMMAND: Command = Command::write("bgsave", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    if !args.is_empty() && (args.len() > 1 || !is(&args[0], "SCHEDULE")) {
        return Err(errors::SYNTAX);
    }
    request(txn, OwnerRequest::Save)?;
    Ok(Reply::Simple(Bytes::from_static(b"Background saving started")))
}
