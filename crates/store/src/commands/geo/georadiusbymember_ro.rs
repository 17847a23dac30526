//! `GEORADIUSBYMEMBER_RO key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT n [ANY]] [ASC | DESC]`
//! (<https://redis.io/docs/latest/commands/georadiusbymember_ro/>).

use super::shared::{Form, search};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// `GEORADIUSBYMEMBER` that stores nothing.
pub const COMMAND: Command = Command::read("georadiusbymember_ro", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    search(txn, args, Form::RadiusByMember)
}
