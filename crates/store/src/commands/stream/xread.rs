//! `XREAD [COUNT count] STREAMS key [key …] id [id …]` (<https://redis.io/docs/latest/commands/xread/>).

use super::shared::{entries, id};
use crate::commands::args::{int, is};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Entries of several streams above an id each; streams without such are left out, null if that is all of them.
pub const COMMAND: Command = Command::read("xread", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let request = Request::parse(args)?;
    let mut found = Vec::new();
    for (key, place) in request.places() {
        let stream = txn.read::<Stream>(key)?;
        let after = after(stream, place)?;
        let (Some(stream), Some(from)) = (stream, after.next()) else { continue };
        let mut above = stream.range(from, EntryId::MAX).take(request.count).peekable();
        if above.peek().is_some() {
            found.push((Reply::Bulk(key.clone()), entries(above)));
        }
    }
    Ok(if found.is_empty() { Reply::Null } else { Reply::Map(found) })
}

struct Request<'a> {
    /// Entries per stream.
    count: usize,
    keys: &'a [Bytes],
    places: &'a [Bytes],
}

impl<'a> Request<'a> {
    fn parse(args: &'a [Bytes]) -> Result<Request<'a>, Error> {
        let (mut count, mut rest) = (usize::MAX, args);
        loop {
            rest = match rest {
                [name, value, after @ ..] if is(name, "COUNT") => {
                    // Zero and negative counts are no limit.
                    count = usize::try_from(int(value)?).ok().filter(|&n| n > 0).unwrap_or(usize::MAX);
                    after
                }
                [name, _, ..] if is(name, "BLOCK") => {
                    return Err(errors::custom("blocking is not available here, use XREAD without BLOCK"));
                }
                [name, _, _, ..] if is(name, "GROUP") => return only_in_a_group("GROUP"),
                [name, ..] if is(name, "NOACK") => return only_in_a_group("NOACK"),
                [name, streams @ ..] if !streams.is_empty() && is(name, "STREAMS") => {
                    let (keys, places) = halves(streams)?;
                    return Ok(Request { count, keys, places });
                }
                _ => return Err(errors::SYNTAX),
            };
        }
    }

    fn places(&self) -> impl Iterator<Item = (&'a Bytes, &'a Bytes)> {
        self.keys.iter().zip(self.places)
    }
}

fn halves(streams: &[Bytes]) -> Result<(&[Bytes], &[Bytes]), Error> {
    if streams.len().is_multiple_of(2) {
        return Ok(streams.split_at(streams.len() / 2));
    }
    let message = "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";
    Err(errors::custom(message))
}

fn only_in_a_group<T>(option: &str) -> Result<T, Error> {
    let message = format!("The {option} option is only supported by XREADGROUP. You called XREAD instead.");
    Err(errors::custom(message))
}

/// The id that entries must be above: `$` is the last one there is.
fn after(stream: Option<&Stream>, place: &[u8]) -> Result<EntryId, Error> {
    match place {
        b"$" => Ok(stream.map_or(EntryId::MIN, Stream::last_id)),
        b">" => Err(errors::custom(
            "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => id(place, 0),
    }
}
