//! `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key …] id [id …]`
//! (<https://redis.io/docs/latest/commands/xread/>).

use super::shared::entries;
use super::shared::reading::{From, Request};
use crate::client::waiting::Wait;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Entries of several streams above an id each; streams without such are left out, null if that is all of them.
pub const COMMAND: Command = Command::blocking_read("xread", attempt, wait);

fn attempt(txn: &Txn<'_>, args: &[Bytes]) -> Attempt {
    let request = Request::parse(args, false)?;
    let (mut room, mut found) = (txn.room(), Vec::new());
    for (key, place) in request.places(txn)? {
        let (Some(stream), From::After(after)) = (txn.read::<Stream>(key)?, place) else { continue };
        let Some(from) = after.next() else { continue };
        let mut above = stream.range(from, EntryId::MAX).take(request.count).peekable();
        if above.peek().is_some() {
            found.push((Reply::Bulk(key.clone()), entries(&mut room, above)?));
        }
    }
    Ok(match found.is_empty() {
        false => Some(Reply::Map(found)),
        true => request.block.is_none().then_some(Reply::NullArray),
    })
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    Request::parse(args, false)?.wait(txn, args)
}
