//! `GEORADIUSBYMEMBER key member radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT n [ANY]] [ASC | DESC] [STORE key | STOREDIST key]`
//! (<https://redis.io/docs/latest/commands/georadiusbymember/>).

use super::shared::{Form, search_or_store};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;

/// The old form of `GEOSEARCH` around a member, which may store what it finds.
pub const COMMAND: Command = Command::write("georadiusbymember", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    search_or_store(txn, args, Form::RadiusByMember)
}
