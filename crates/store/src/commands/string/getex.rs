//! `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]` (<https://redis.io/docs/latest/commands/getex/>).

use super::shared::deadline;
use crate::commands::args::is;
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;

/// The string that a key holds, and the key's deadline is set or taken away.
pub const COMMAND: Command = Command::write("getex", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let key = &args[0];
    let new_deadline = match &args[1..] {
        [] => None,
        [persist] if is(persist, "PERSIST") => Some(None),
        [option, number] => {
            let unit = Unit::of_option(option).ok_or(errors::SYNTAX)?;
            Some(Some((unit, number)))
        }
        _ => return Err(errors::SYNTAX),
    };
    let Some(string) = txn.read::<Text>(key)? else { return Ok(Reply::Null) };
    let reply = Reply::Bulk(string.to_bytes());
    match new_deadline {
        None => {}
        Some(None) if txn.deadline_ms(key).is_none() => {}
        Some(None) => _ = txn.set_deadline(key, None),
        Some(Some((unit, number))) => {
            let deadline = deadline(unit, number, txn.now_ms(), "getex")?;
            txn.set_deadline(key, Some(deadline));
        }
    }
    Ok(reply)
}
