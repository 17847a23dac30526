//! `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]` (<https://redis.io/docs/latest/commands/getex/>).

use super::shared::deadline;
use crate::commands::args::{is, value};
use crate::commands::units::Unit;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Text;
use bytes::Bytes;
use model::{Error, Reply};

/// The string that a key holds, and the key's deadline is set or taken away.
pub const COMMAND: Command = Command::write("getex", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let key = &args[0];
    let new_deadline = parse(&args[1..])?;
    let Some(string) = txn.read::<Text>(key)? else { return Ok(Reply::Null) };
    let reply = Reply::Bulk(string.to_bytes());
    match new_deadline {
        None => {}
        Some(Ttl::Persist) if txn.deadline_ms(key).is_none() => {}
        Some(Ttl::Persist) => _ = txn.set_deadline(key, None),
        Some(Ttl::New(unit, number)) => {
            let deadline = deadline(unit, number, txn.now_ms(), "getex")?;
            txn.set_deadline(key, Some(deadline));
        }
    }
    Ok(reply)
}

enum Ttl<'a> {
    Persist,
    New(Unit, &'a Bytes),
}

/// One option, which may come again: then the last one counts.
fn parse(args: &[Bytes]) -> Result<Option<Ttl<'_>>, Error> {
    let mut ttl = None;
    let mut rest = args.iter();
    while let Some(option) = rest.next() {
        if is(option, "PERSIST") && matches!(ttl, None | Some(Ttl::Persist)) {
            ttl = Some(Ttl::Persist);
            continue;
        }
        let unit = Unit::of_option(option).ok_or(errors::SYNTAX)?;
        if ttl.is_some_and(|old| !matches!(old, Ttl::New(other, _) if other == unit)) {
            return Err(errors::SYNTAX);
        }
        ttl = Some(Ttl::New(unit, value(&mut rest)?));
    }
    Ok(ttl)
}
