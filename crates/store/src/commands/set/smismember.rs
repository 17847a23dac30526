//! `SMISMEMBER key member [member …]` (<https://redis.io/docs/latest/commands/smismember/>).

use super::shared::is_member;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Set;
use bytes::Bytes;
use model::Reply;

/// Whether a set has each of several members.
pub const COMMAND: Command = Command::read("smismember", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let set = txn.read::<Set>(&args[0])?;
    Ok(Reply::Array(args[1..].iter().map(|member| is_member(set, member)).collect()))
}
