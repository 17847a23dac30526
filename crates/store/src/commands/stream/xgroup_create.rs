//! `XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD entries-read]`
//! (<https://redis.io/docs/latest/commands/xgroup-create/>).

use super::shared::groups::{Options, entries_read, key_must_exist, place};
use crate::commands::{Command, Outcome};
use crate::db::txn::Edit;
use crate::db::txn::Txn;
use crate::events::Classes;
use crate::types::Stream;
use crate::types::stream::Group;
use bytes::Bytes;
use model::Error;
use model::Reply;

/// Adds a consumer group that goes on after an id.
pub const COMMAND: Command = Command::write("xgroup|create", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, name) = (&args[0], &args[1]);
    let options = Options::parse(&args[3..], true, "CREATE")?;
    let last_id = txn.read::<Stream>(key)?.map(Stream::last_id);
    if last_id.is_none() && !options.make_stream {
        return Err(key_must_exist());
    }
    let group = Group::new(place(&args[2], last_id.unwrap_or_default(), false)?, entries_read(options.entries_read));
    if last_id.is_none() {
        txn.write(key, |_: &mut Stream| Edit::changed(()))?;
    }
    let added = txn.try_update_quietly(key, |stream: &mut Stream| {
        let added = stream.add_group(name.clone(), group);
        Ok(Edit::when(added, added))
    })?;
    if added != Some(true) {
        return Err(Error::new("BUSYGROUP", "Consumer Group name already exists"));
    }
    txn.notify(Classes::STREAM, "xgroup-create", key);
    Ok(Reply::OK)
}
