//! `SELECT index` (<https://redis.io/docs/latest/commands/select/>).

use crate::client::ClientId;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::Reply;

/// Chooses the database that the commands from now on are about.
pub const COMMAND: Command = Command::client("select", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let number = parse_int(&args[0]).filter(|&number| i32::try_from(number).is_ok()).ok_or(errors::NOT_AN_INTEGER)?;
    let db = usize::try_from(number).ok().filter(|&db| db < txn.databases()).ok_or(errors::DB_OUT_OF_RANGE)?;
    txn.client_mut(id).db = db;
    Ok(Some(Reply::OK))
}
