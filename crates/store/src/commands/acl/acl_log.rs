//! `ACL LOG [count | RESET]` (<https://redis.io/docs/latest/commands/acl-log/>).

use super::shared::wrong_usage;
use crate::commands::args::{int, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use acl::Entry;
use bytes::Bytes;
use model::Reply;

/// The newest refusals: of commands, keys, channels and passwords.
pub const COMMAND: Command = Command::write("acl|log", run);

/// How many Redis shows if it is not said.
const COUNT_DEFAULT: usize = 10;

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let count = match args {
        [] => COUNT_DEFAULT,
        [reset] if is(reset, "RESET") => {
            txn.state.acl_log.clear();
            return Ok(Reply::OK);
        }
        [count] => usize::try_from(int(count)?).unwrap_or(0),
        _ => return Err(wrong_usage("LOG")),
    };
    let now_ms = txn.now_ms();
    Ok(Reply::Array(txn.state.acl_log.newest().take(count).map(|entry| shown(entry, now_ms)).collect()))
}

fn shown(entry: &Entry, now_ms: u64) -> Reply {
    let fields = [
        ("count", Reply::Int(entry.count as i64)),
        ("reason", Reply::bulk(entry.reason.name())),
        ("context", Reply::bulk(entry.context.name())),
        ("object", Reply::Bulk(entry.object.clone())),
        ("username", Reply::Bulk(entry.user.clone())),
        ("age-seconds", Reply::Double(now_ms.saturating_sub(entry.at_ms) as f64 / 1000.0)),
        ("client-info", Reply::bulk(&*entry.client)),
    ];
    Reply::Map(fields.into_iter().map(|(name, field)| (Reply::bulk(name), field)).collect())
}
