//! `ROLE` (<https://redis.io/docs/latest/commands/role/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// That the server is a master without replicas.
pub const COMMAND: Command = Command::read("role", run);

fn run(_: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let nothing = Reply::Array(Vec::new());
    Ok(Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), nothing]))
}
