//! `BRPOPLPUSH source destination timeout` (<https://redis.io/docs/latest/commands/brpoplpush/>).

use super::shared::instead;
use crate::client::waiting::Wait;
use crate::commands::timeout;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Error;

/// Moves the last element of a list to the beginning of another, and waits for one; the element.
pub const COMMAND: Command = Command::blocking("brpoplpush", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    timeout::seconds(&args[2], txn.now_ms())?;
    instead(txn, "RPOPLPUSH", &args[..2])
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    Ok(Wait::for_element(&args[0], timeout::seconds(&args[2], txn.now_ms())?))
}
