//! `BZPOPMIN key [key …] timeout` (<https://redis.io/docs/latest/commands/bzpopmin/>).

use super::shared::pop_any;
use crate::client::waiting::Wait;
use crate::commands::timeout;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Error;

/// Takes the member with the least score of the first sorted set that has one, and waits for one: key, member, score.
pub const COMMAND: Command = Command::blocking("bzpopmin", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    pop_any(txn, args, "ZPOPMIN")
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    let (timeout, keys) = args.split_last().expect("the arity asks for a key and a timeout");
    Ok(Wait::for_keys(keys, timeout::seconds(timeout, txn.now_ms())?))
}
