//! `SISMEMBER key member` (<https://redis.io/docs/latest/commands/sismember/>).

use super::shared::is_member;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Set;
use bytes::Bytes;

/// Whether a set has a member.
pub const COMMAND: Command = Command::read("sismember", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(is_member(txn.read::<Set>(&args[0])?, &args[1]))
}
