//! `BZMPOP timeout numkeys key [key …] MIN | MAX [COUNT count]` (<https://redis.io/docs/latest/commands/bzmpop/>).

use super::shared::{check_multi_pop, instead};
use crate::client::waiting::Wait;
use crate::commands::args::int;
use crate::commands::timeout;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Error;

/// Takes members from one end of the first sorted set that has any, and waits for one: its key and the members.
pub const COMMAND: Command = Command::blocking("bzmpop", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    check_multi_pop(&args[1..], ["MIN", "MAX"])?;
    timeout::seconds(&args[0], txn.now_ms())?;
    instead(txn, "ZMPOP", &args[1..])
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    let count = usize::try_from(int(&args[1])?).unwrap_or(0);
    Ok(Wait::for_keys(&args[2..2 + count], timeout::seconds(&args[0], txn.now_ms())?))
}
