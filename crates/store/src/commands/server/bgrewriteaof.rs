//! `BGREWRITEAOF` (<https://redis.io/docs/latest/commands/bgrewriteaof/>).

use super::shared::request;
use crate::client::OwnerRequest;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Begins to write the log anew.
pub const COMMAND: Command = Command::write("bgrewriteaof", run);

fn run(txn: &mut Txn<'_>, _: &[Bytes]) -> Outcome {
    if txn.state.persistence.is_rewriting {
        return Err(errors::custom("Background append only file rewriting already in progress"));
    }
    request(txn, OwnerRequest::RewriteLog)?;
    Ok(Reply::Simple(Bytes::from_static(b"Background append only file rewriting started")))
}
