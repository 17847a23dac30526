//! `XGROUP SETID key group id | $ [ENTRIESREAD entries-read]` (<https://redis.io/docs/latest/commands/xgroup-setid/>).

use super::shared::groups::{Options, entries_read, group_of, place, with_group};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::events::Classes;
use bytes::Bytes;
use model::Reply;

/// Lets a consumer group go on after another id.
pub const COMMAND: Command = Command::write("xgroup|setid", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, name) = (&args[0], &args[1]);
    let options = Options::parse(&args[3..], false, "SETID")?;
    let last_id = group_of(txn, key, name)?.0.last_id();
    let id = place(&args[2], last_id, true)?;
    with_group(txn, key, name, |group| {
        group.last_id = id;
        group.entries_read = entries_read(options.entries_read);
    })?;
    txn.notify(Classes::STREAM, "xgroup-setid", key);
    Ok(Reply::OK)
}
