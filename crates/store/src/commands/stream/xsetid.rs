//! `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
//! (<https://redis.io/docs/latest/commands/xsetid/>).

use super::shared::id;
use crate::commands::args::{int, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Sets a stream's last id and history, as a copy of another stream needs it.
pub const COMMAND: Command = Command::write("xsetid", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let history = History::parse(&args[1..])?;
    let set = txn.try_update(&args[0], |stream: &mut Stream| {
        history.check(stream)?;
        stream.set_id(history.last_id, history.entries_added, history.max_deleted_id);
        Ok(Edit::changed(Reply::OK))
    })?;
    set.ok_or(errors::NO_SUCH_KEY)
}

struct History {
    last_id: EntryId,
    entries_added: Option<u64>,
    max_deleted_id: Option<EntryId>,
}

impl History {
    fn parse(args: &[Bytes]) -> Result<History, Error> {
        let mut history = History { last_id: id(&args[0], 0)?, entries_added: None, max_deleted_id: None };
        for option in args[1..].chunks(2) {
            match option {
                [name, value] if is(name, "ENTRIESADDED") => {
                    let added = u64::try_from(int(value)?);
                    history.entries_added = Some(added.map_err(|_| errors::custom("entries_added must be positive"))?);
                }
                [name, value] if is(name, "MAXDELETEDID") => {
                    let deleted = id(value, 0)?;
                    if deleted > history.last_id {
                        return smaller_than("the provided max_deleted_entry_id");
                    }
                    history.max_deleted_id = Some(deleted);
                }
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(history)
    }

    /// Whether it can be the history of a stream with these entries.
    fn check(&self, stream: &Stream) -> Result<(), Error> {
        if stream.last().is_some_and(|entry| self.last_id < entry.id) {
            return smaller_than("the target stream top item");
        }
        let too_few = |added: u64| added < stream.len() as u64;
        if !stream.is_empty() && self.entries_added.is_some_and(too_few) {
            return Err(errors::custom(
                "The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        Ok(())
    }
}

fn smaller_than<T>(what: &str) -> Result<T, Error> {
    Err(errors::custom(format!("The ID specified in XSETID is smaller than {what}")))
}
