//! What several stream commands do: ids and their ranges, trims, replies of entries.

pub mod claim;
pub mod groups;
pub mod reading;

use crate::commands::Outcome;
use crate::commands::args::{int, is};
use crate::db::txn::Txn;
use crate::errors;
use crate::room::Room;
use crate::types::Stream;
use crate::types::stream::{EntryRef, Keep, Trim};
use bytes::Bytes;
use model::{Entry, EntryId, Error, Reply};

/// How many entries an approximate trim removes at most if it does not say: Redis' hundred chunks of a hundred.
const TRIM_LIMIT_DEFAULT: u64 = 10_000;

/// An id, `ms-seq`, or `ms` alone for the entry of that millisecond with this sequence number.
pub fn id(arg: &[u8], seq_default: u64) -> Result<EntryId, Error> {
    let text = std::str::from_utf8(arg).map_err(|_| invalid_id())?;
    let (ms, seq) = match text.split_once('-') {
        Some((ms, seq)) => (number(ms), number(seq)),
        None => (number(text), Some(seq_default)),
    };
    ms.zip(seq).map(|(ms, seq)| EntryId::new(ms, seq)).ok_or_else(invalid_id)
}

/// A part of an id, as `strtoull` reads it: spaces in front do not matter, nor does a plus.
fn number(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The error for what is not an id.
pub fn invalid_id() -> Error {
    errors::custom("Invalid stream ID specified as stream command argument")
}

/// The first id of a range: an id, `-`, `+`, or `(` and an id that is not in the range.
pub fn range_start(arg: &[u8]) -> Result<EntryId, Error> {
    match arg.strip_prefix(b"(") {
        None => bound(arg, 0),
        Some(after) => id(after, 0)?.next().ok_or_else(|| errors::custom("invalid start ID for the interval")),
    }
}

/// The last id of a range, named like the first.
pub fn range_end(arg: &[u8]) -> Result<EntryId, Error> {
    match arg.strip_prefix(b"(") {
        None => bound(arg, u64::MAX),
        Some(before) => {
            before_id(id(before, u64::MAX)?).ok_or_else(|| errors::custom("invalid end ID for the interval"))
        }
    }
}

fn bound(arg: &[u8], seq_default: u64) -> Result<EntryId, Error> {
    match arg {
        b"-" => Ok(EntryId::MIN),
        b"+" => Ok(EntryId::MAX),
        _ => id(arg, seq_default),
    }
}

fn before_id(id: EntryId) -> Option<EntryId> {
    match id.seq.checked_sub(1) {
        Some(seq) => Some(EntryId::new(id.ms, seq)),
        None => Some(EntryId::new(id.ms.checked_sub(1)?, u64::MAX)),
    }
}

/// Answers `key … [COUNT count]` with the entries of a range that `bounds` are the first and last ids of.
pub fn range(txn: &Txn<'_>, args: &[Bytes], bounds: (EntryId, EntryId), reverse: bool) -> Outcome {
    let mut count = None;
    for option in args[3..].chunks(2) {
        match option {
            [name, value] if is(name, "COUNT") => count = Some(int(value)?),
            _ => return Err(errors::SYNTAX),
        }
    }
    let Some(stream) = txn.read::<Stream>(&args[0])? else { return Ok(Reply::Array(Vec::new())) };
    // Redis answers null, not an empty array, to a count that is not positive.
    let max = match count {
        Some(count) if count <= 0 => return Ok(Reply::NullArray),
        Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    let found = stream.range(bounds.0, bounds.1);
    let mut room = txn.room();
    if reverse { entries(&mut room, found.rev().take(max)) } else { entries(&mut room, found.take(max)) }
}

/// Entries in this order.
pub fn entries<'a>(room: &mut Room, found: impl Iterator<Item = EntryRef<'a>>) -> Outcome {
    Ok(Reply::Array(room.gather(found.map(entry))?))
}

/// One entry: its id, and names and values in turn.
pub fn entry(entry: EntryRef<'_>) -> Reply {
    let Entry { id, fields } = entry.into();
    let fields = fields.into_iter().flat_map(|(name, value)| [Reply::Bulk(name), Reply::Bulk(value)]).collect();
    Reply::Array(vec![id_reply(id), Reply::Array(fields)])
}

/// An id as a byte string.
pub fn id_reply(id: EntryId) -> Reply {
    Reply::bulk(id.to_string())
}

/// Named facts.
pub fn map<const N: usize>(facts: [(&str, Reply); N]) -> Reply {
    Reply::Map(facts.into_iter().map(|(name, fact)| (Reply::bulk(name), fact)).collect())
}

/// The trim options of `XADD` and `XTRIM`, read one by one.
#[derive(Debug, Default)]
pub struct TrimOptions {
    keep: Option<Keep>,
    approximate: bool,
    limit: Option<u64>,
}

impl TrimOptions {
    /// Reads one option with its values from the beginning of `args`; gives what is left, or `None` if there is no trim
    /// option at the beginning.
    pub fn take<'a>(&mut self, args: &'a [Bytes]) -> Result<Option<&'a [Bytes]>, Error> {
        match args {
            [name, rest @ ..] if !rest.is_empty() && is(name, "MAXLEN") => self.keep(rest, max_len).map(Some),
            [name, rest @ ..] if !rest.is_empty() && is(name, "MINID") => {
                self.keep(rest, |id_arg| Ok(Keep::MinId(id(id_arg, 0)?))).map(Some)
            }
            [name, limit, rest @ ..] if is(name, "LIMIT") => {
                let limit = u64::try_from(int(limit)?);
                self.limit = Some(limit.map_err(|_| errors::custom("The LIMIT argument must be >= 0."))?);
                Ok(Some(rest))
            }
            _ => Ok(None),
        }
    }

    fn keep<'a>(
        &mut self,
        args: &'a [Bytes],
        parse: impl FnOnce(&[u8]) -> Result<Keep, Error>,
    ) -> Result<&'a [Bytes], Error> {
        if self.keep.is_some() {
            return Err(errors::custom("syntax error, MAXLEN and MINID options at the same time are not compatible"));
        }
        let (approximate, threshold, rest) = match args {
            [sign, threshold, rest @ ..] if &sign[..] == b"~" => (true, threshold, rest),
            [sign, threshold, rest @ ..] if &sign[..] == b"=" => (false, threshold, rest),
            [threshold, rest @ ..] => (false, threshold, rest),
            [] => return Err(errors::SYNTAX),
        };
        self.approximate = approximate;
        self.keep = Some(parse(threshold)?);
        Ok(rest)
    }

    /// What the options together ask for; `None`: no trim.
    pub fn finish(self) -> Result<Option<Trim>, Error> {
        let Some(keep) = self.keep else {
            return match self.limit {
                None | Some(0) => Ok(None),
                Some(_) => {
                    Err(errors::custom("syntax error, LIMIT cannot be used without specifying a trimming strategy"))
                }
            };
        };
        let limit = match self.limit {
            Some(_) if !self.approximate => {
                return Err(errors::custom("syntax error, LIMIT cannot be used without the special ~ option"));
            }
            Some(0) => None,
            None if self.approximate => Some(TRIM_LIMIT_DEFAULT),
            given => given,
        };
        Ok(Some(Trim { keep, approximate: self.approximate, limit }))
    }
}

fn max_len(arg: &[u8]) -> Result<Keep, Error> {
    let max = u64::try_from(int(arg)?).map_err(|_| errors::custom("The MAXLEN argument must be >= 0."))?;
    Ok(Keep::MaxLen(max))
}
