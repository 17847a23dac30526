//! `DEBUG subcommand [arg …]` (<https://redis.io/docs/latest/commands/debug/>).

use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// A few of the subcommands that tests of clients use; those that stop or crash the server are refused.
pub const COMMAND: Command = Command::write("debug", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    match args {
        [sub, key] if is(sub, "OBJECT") => {
            let entry = txn.entry(key).ok_or(errors::NO_SUCH_KEY)?;
            let text = format!(
                "Value at:0x0 refcount:1 encoding:{} serializedlength:{} lru:0 lru_seconds_idle:{}",
                entry.value.encoding(),
                entry.memory(),
                entry.idle_ms(txn.now_ms()) / 1000
            );
            Ok(Reply::Simple(text.into()))
        }
        [sub, _] if is(sub, "SET-ACTIVE-EXPIRE") => Ok(Reply::OK),
        [sub, ..] => {
            let sub = String::from_utf8_lossy(sub).to_ascii_uppercase();
            Err(errors::custom(format!("DEBUG {sub} is not available in keywire's embedded store")))
        }
        [] => Err(errors::SYNTAX),
    }
}
