//! `SELECT index` (<https://redis.io/docs/latest/commands/select/>).

use crate::client::ClientId;
use crate::commands::args::int;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Chooses the database that the commands from now on are about.
pub const COMMAND: Command = Command::client("select", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let number = i32::try_from(int(&args[0])?).map_err(|_| errors::RANGE_OF_INT32)?;
    let db = usize::try_from(number).ok().filter(|&db| db < txn.databases()).ok_or(errors::DB_OUT_OF_RANGE)?;
    txn.client_mut(id).db = db;
    Ok(Some(Reply::OK))
}
