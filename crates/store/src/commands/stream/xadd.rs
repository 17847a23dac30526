//! `XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value …]`
//! (<https://redis.io/docs/latest/commands/xadd/>).

use super::shared::{TrimOptions, id, id_reply, invalid_id};
use crate::commands::args::is;
use crate::commands::{Command, Outcome, wrong_number_of_arguments};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::events::Classes;
use crate::types::Stream;
use crate::types::stream::{NewId, Trim};
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Adds an entry to the end of a stream, which is made if it is missing; the entry's id.
pub const COMMAND: Command = Command::write("xadd", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let Addition { must_exist, trim, id, fields } = Addition::parse(&args[1..])?;
    let now_ms = txn.now_ms();
    if must_exist && txn.read::<Stream>(&args[0])?.is_none() {
        return Ok(Reply::Null);
    }
    let (added, trimmed) = txn.try_write(&args[0], |stream: &mut Stream| {
        let id = next_id(stream, id, now_ms)?;
        stream.append(id, fields);
        let trimmed = trim.map_or(0, |trim| stream.trim(trim));
        Ok(Edit::changed((id_reply(id), trimmed)))
    })?;
    if trimmed > 0 {
        txn.notify(Classes::STREAM, "xtrim", &args[0]);
    }
    Ok(added)
}

struct Addition<'a> {
    must_exist: bool,
    trim: Option<Trim>,
    id: NewId,
    fields: &'a [Bytes],
}

impl<'a> Addition<'a> {
    fn parse(args: &'a [Bytes]) -> Result<Addition<'a>, Error> {
        let (mut must_exist, mut trim, mut rest) = (false, TrimOptions::default(), args);
        let id = loop {
            let wrong_number = || wrong_number_of_arguments("xadd");
            let (word, after) = rest.split_first().ok_or_else(wrong_number)?;
            rest = match trim.take(rest)? {
                Some(after) => after,
                None if is(word, "NOMKSTREAM") => {
                    must_exist = true;
                    after
                }
                None => break new_id(word)?,
            };
        };
        let (trim, fields) = (trim.finish()?, &rest[1..]);
        if fields.is_empty() || !fields.len().is_multiple_of(2) {
            return Err(wrong_number_of_arguments("xadd"));
        }
        if id == NewId::Exact(EntryId::MIN) {
            return Err(errors::custom("The ID specified in XADD must be greater than 0-0"));
        }
        Ok(Addition { must_exist, trim, id, fields })
    }
}

/// `*`, `ms-*` or an id.
fn new_id(arg: &[u8]) -> Result<NewId, Error> {
    match arg {
        b"*" => Ok(NewId::Auto),
        [ms @ .., b'-', b'*'] if !ms.contains(&b'-') => Ok(NewId::AutoSeq(id(ms, 0).map_err(|_| invalid_id())?.ms)),
        _ => id(arg, 0).map(NewId::Exact),
    }
}

fn next_id(stream: &Stream, id: NewId, now_ms: u64) -> Result<EntryId, Error> {
    if stream.last_id() == EntryId::MAX {
        return Err(errors::custom("The stream has exhausted the last possible ID, unable to add more items"));
    }
    let too_small = "The ID specified in XADD is equal or smaller than the target stream top item";
    stream.next_id(id, now_ms).ok_or_else(|| errors::custom(too_small))
}
