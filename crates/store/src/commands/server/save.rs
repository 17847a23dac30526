//! `SAVE` (<https://redis.io/docs/latest/commands/save/>).

use super::shared::request;
use crate::client::OwnerRequest;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Makes what there is durable.
pub const COMMAND: Command = Command::write("save", run);

fn run(txn: &mut Txn<'_>, _: &[Bytes]) -> Outcome {
    request(txn, OwnerRequest::Save)?;
    Ok(Reply::OK)
}
