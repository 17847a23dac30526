//! What the commands of consumer groups share: finding a group, changing it, the options of `XGROUP`.

use super::id;
use crate::commands::args::{int, is};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::events::Classes;
use crate::types::Stream;
use crate::types::stream::Group;
use bytes::Bytes;
use model::{EntryId, Error};

/// `[MKSTREAM] [ENTRIESREAD entries-read]`
#[derive(Debug, Default)]
pub struct Options {
    /// A missing stream is made.
    pub make_stream: bool,
    /// How many entries the group is said to have read; -1: unknown.
    pub entries_read: i64,
}

impl Options {
    /// `may_make`: the subcommand takes `MKSTREAM`.
    pub fn parse(args: &[Bytes], may_make: bool, subcommand: &str) -> Result<Options, Error> {
        let (mut options, mut rest) = (Options { make_stream: false, entries_read: -1 }, args);
        let words_max = if may_make { 3 } else { 2 };
        while !rest.is_empty() {
            rest = match rest {
                [option, after @ ..] if may_make && is(option, "MKSTREAM") => {
                    options.make_stream = true;
                    after
                }
                [option, number, after @ ..] if is(option, "ENTRIESREAD") => {
                    options.entries_read = int(number)?;
                    if options.entries_read < -1 {
                        return Err(errors::custom("value for ENTRIESREAD must be positive or -1"));
                    }
                    after
                }
                _ => return Err(wrong_arguments(subcommand)),
            };
        }
        if args.len() > words_max { Err(wrong_arguments(subcommand)) } else { Ok(options) }
    }
}

fn wrong_arguments(subcommand: &str) -> Error {
    let message = format!("unknown subcommand or wrong number of arguments for '{subcommand}'. Try XGROUP HELP.");
    errors::custom(message)
}

/// A count as `ENTRIESREAD` has it: -1 is unknown.
pub fn entries_read(count: i64) -> Option<u64> {
    u64::try_from(count).ok()
}

/// An id, or `$` for the last one of the stream; where `signs` are taken, `-` and `+` for the least and the greatest.
pub fn place(arg: &[u8], last_id: EntryId, signs: bool) -> Result<EntryId, Error> {
    match arg {
        b"$" => Ok(last_id),
        b"-" if signs => Ok(EntryId::MIN),
        b"+" if signs => Ok(EntryId::MAX),
        _ => id(arg, 0),
    }
}

/// A stream and one of its groups; Redis' errors if one of them is not there.
pub fn group_of<'a>(txn: &'a Txn<'_>, key: &Bytes, name: &Bytes) -> Result<(&'a Stream, &'a Group), Error> {
    let stream = txn.read::<Stream>(key)?.ok_or_else(key_must_exist)?;
    let group = stream.group(name).ok_or_else(|| no_group(key, name))?;
    Ok((stream, group))
}

/// Changes a group that exists.
pub fn with_group<R>(
    txn: &mut Txn<'_>,
    key: &Bytes,
    name: &Bytes,
    change: impl FnOnce(&mut Group) -> R,
) -> Result<R, Error> {
    with_group_if(txn, key, name, |group| Edit::changed(change(group)))
}

/// Changes a group that exists, perhaps.
pub fn with_group_if<R>(
    txn: &mut Txn<'_>,
    key: &Bytes,
    name: &Bytes,
    change: impl FnOnce(&mut Group) -> Edit<R>,
) -> Result<R, Error> {
    let changed = txn.try_update_quietly(key, |stream: &mut Stream| {
        stream.group_mut(name).map(|mut group| change(&mut group)).ok_or_else(|| no_group(key, name))
    })?;
    changed.ok_or_else(key_must_exist)
}

/// Adds a consumer to a group that exists, and tells of it; whether it is new.
pub fn create_consumer(txn: &mut Txn<'_>, key: &Bytes, group: &Bytes, consumer: &Bytes) -> Result<bool, Error> {
    let now_ms = txn.now_ms();
    let is_new = with_group_if(txn, key, group, |group| {
        let is_new = group.add_consumer(consumer, now_ms);
        Edit::when(is_new, is_new)
    })?;
    if is_new {
        txn.notify(Classes::STREAM, "xgroup-createconsumer", key);
    }
    Ok(is_new)
}

/// `XGROUP CREATECONSUMER key group consumer`, for the log.
pub fn creation(key: &Bytes, group: &Bytes, consumer: &Bytes) -> Vec<Bytes> {
    let words = [&Bytes::from_static(b"XGROUP"), &Bytes::from_static(b"CREATECONSUMER"), key, group, consumer];
    words.into_iter().cloned().collect()
}

/// The error of `XGROUP` for a missing stream.
pub fn key_must_exist() -> Error {
    errors::custom(
        "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
         create an empty stream automatically.",
    )
}

/// The error for a missing group of a stream that is there.
pub fn no_group(key: &[u8], group: &[u8]) -> Error {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    Error::new("NOGROUP", format!("No such consumer group '{group}' for key name '{key}'"))
}

/// The error where key or group is missing.
pub fn no_key_or_group(key: &[u8], group: &[u8], where_: &str) -> Error {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    Error::new("NOGROUP", format!("No such key '{key}' or consumer group '{group}'{where_}"))
}
