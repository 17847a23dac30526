//! The options of `XREAD` and `XREADGROUP`, and where they read from.

use super::groups::no_key_or_group;
use super::id;
use crate::client::waiting::Wait;
use crate::commands::args::{int, is};
use crate::commands::timeout;
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error};

/// What is asked for.
#[derive(Debug)]
pub struct Request<'a> {
    /// Entries per stream.
    pub count: usize,
    /// `BLOCK`: milliseconds to wait, 0 for ever.
    pub block: Option<&'a Bytes>,
    /// `GROUP group consumer`
    pub group: Option<(&'a Bytes, &'a Bytes)>,
    /// `NOACK`
    pub no_ack: bool,
    /// The streams.
    pub keys: &'a [Bytes],
    /// An id or a sign for each.
    pub places: &'a [Bytes],
}

/// Where to read a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// Entries above this id; in a group, what the consumer has pending above it.
    After(EntryId),
    /// `>`: what the group has not read yet.
    New,
}

impl<'a> Request<'a> {
    /// `grouped`: of `XREADGROUP`.
    pub fn parse(args: &'a [Bytes], grouped: bool) -> Result<Request<'a>, Error> {
        let (keys, places) = (&args[..0], &args[..0]);
        let mut request = Request { count: usize::MAX, block: None, group: None, no_ack: false, keys, places };
        let mut rest = args;
        while request.keys.is_empty() {
            rest = match rest {
                [name, value, after @ ..] if is(name, "COUNT") => {
                    // Zero and negative counts are no limit.
                    request.count = usize::try_from(int(value)?).ok().filter(|&n| n > 0).unwrap_or(usize::MAX);
                    after
                }
                [name, value, after @ ..] if is(name, "BLOCK") => {
                    timeout::milliseconds(value, 0)?;
                    request.block = Some(value);
                    after
                }
                [name, group, consumer, after @ ..] if is(name, "GROUP") => {
                    only_in_a_group("GROUP", grouped)?;
                    request.group = Some((group, consumer));
                    after
                }
                [name, after @ ..] if is(name, "NOACK") => {
                    only_in_a_group("NOACK", grouped)?;
                    request.no_ack = true;
                    after
                }
                [name, streams @ ..] if !streams.is_empty() && is(name, "STREAMS") => {
                    (request.keys, request.places) = halves(streams)?;
                    &[]
                }
                _ => return Err(errors::SYNTAX),
            };
        }
        if grouped && request.group.is_none() {
            return Err(errors::custom("Missing GROUP option for XREADGROUP"));
        }
        Ok(request)
    }

    /// Each stream and where to read it.
    pub fn places(&self, txn: &Txn<'_>) -> Result<Vec<(&'a Bytes, From)>, Error> {
        let places = self.keys.iter().zip(self.places).map(|(key, place)| {
            let stream = txn.read::<Stream>(key)?;
            if let Some((group, _)) = self.group
                && stream.and_then(|stream| stream.group(group)).is_none()
            {
                return Err(no_key_or_group(key, group, " in XREADGROUP with GROUP option"));
            }
            Ok((key, from(stream, place, self.group.is_some())?))
        });
        places.collect()
    }

    /// What is waited for if nothing was found and `BLOCK` was given. The places are those of now.
    pub fn wait(&self, txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
        let block = self.block.expect("who does not block has been answered");
        let mut wait = Wait::for_keys(self.keys, timeout::milliseconds(block, txn.now_ms())?);
        let mut again = args[..args.len() - self.places.len()].to_vec();
        for ((_, from), place) in self.places(txn)?.into_iter().zip(self.places) {
            again.push(match from {
                From::After(id) => Bytes::from(id.to_string()),
                From::New => place.clone(),
            });
        }
        wait.args = Some(again);
        Ok(wait)
    }
}

fn halves(streams: &[Bytes]) -> Result<(&[Bytes], &[Bytes]), Error> {
    if streams.len().is_multiple_of(2) {
        return Ok(streams.split_at(streams.len() / 2));
    }
    let message = "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";
    Err(errors::custom(message))
}

fn only_in_a_group(option: &str, grouped: bool) -> Result<(), Error> {
    if grouped {
        return Ok(());
    }
    let message = format!("The {option} option is only supported by XREADGROUP. You called XREAD instead.");
    Err(errors::custom(message))
}

fn from(stream: Option<&Stream>, place: &[u8], grouped: bool) -> Result<From, Error> {
    match (place, grouped) {
        (b"$", false) => Ok(From::After(stream.map_or(EntryId::MIN, Stream::last_id))),
        (b"$", true) => Err(errors::custom(
            "The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
             specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        )),
        (b">", true) => Ok(From::New),
        (b">", false) => Err(errors::custom(
            "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => match id(place, 0)? {
            // As in Redis, the greatest id is the sign for what is new.
            EntryId::MAX if grouped => Ok(From::New),
            id => Ok(From::After(id)),
        },
    }
}
