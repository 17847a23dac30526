//! `LASTSAVE` (<https://redis.io/docs/latest/commands/lastsave/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// When all was last known to be durable, in seconds since 1970.
pub const COMMAND: Command = Command::read("lastsave", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(Reply::Int(txn.state.persistence.last_save_s as i64))
}
