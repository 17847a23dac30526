//! `BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout` (<https://redis.io/docs/latest/commands/blmove/>).

use super::shared::instead;
use crate::client::waiting::Wait;
use crate::commands::args::is;
use crate::commands::timeout;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Error;

/// Moves an element from an end of one list to an end of another, and waits for one; the element.
pub const COMMAND: Command = Command::blocking("blmove", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    for end in &args[2..4] {
        if !is(end, "LEFT") && !is(end, "RIGHT") {
            return Err(errors::SYNTAX);
        }
    }
    timeout::seconds(&args[4], txn.now_ms())?;
    instead(txn, "LMOVE", &args[..4])
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    Ok(Wait::for_element(&args[0], timeout::seconds(&args[4], txn.now_ms())?))
}
