//! What happens to a feed: the frames of protocol.md's table, before they are written in a format.

use crate::value::Value;
use crate::{Entry, EntryId, Error};
use bytes::Bytes;
use std::rc::Rc;

/// The 96-bit hash that names a query's value, as 16 characters of URL-safe base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tag(pub [u8; 16]);

impl Tag {
    /// The 16 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// From a client's text: `None` unless it is 16 ASCII characters.
    pub fn parse(text: &str) -> Option<Tag> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        bytes.is_ascii().then_some(Tag(bytes))
    }
}

/// One operation of a JSON Patch (RFC 6902). `path` is a JSON Pointer (RFC 6901), escaped.
#[derive(Clone, PartialEq, Debug)]
pub enum PatchOp {
    /// Adds a member, or inserts before an index (`-` appends).
    Add {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Removes what is there.
    Remove {
        /// Where.
        path: String,
    },
    /// Replaces what is there.
    Replace {
        /// Where.
        path: String,
        /// By what.
        value: Value,
    },
}

/// One event of a feed, the same for every subscriber.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedEvent {
    /// The whole value of a query.
    Value {
        /// The revision it belongs to.
        rev: u64,
        /// The value's name.
        tag: Tag,
        /// The value.
        value: Rc<Value>,
    },
    /// What turns the value of `rev - 1` into that of `rev`. Carries the value too, for formats without patches.
    Patch {
        /// The revision it leads to.
        rev: u64,
        /// The new value's name.
        tag: Tag,
        /// The operations, never empty.
        ops: Rc<Vec<PatchOp>>,
        /// The value at `rev`.
        value: Rc<Value>,
    },
    /// The query answers with an error now.
    Error {
        /// The revision.
        rev: u64,
        /// The error.
        error: Error,
    },
    /// A message of a channel.
    Message(Bytes),
    /// A message of a channel that the pattern matches.
    PatternMessage {
        /// The channel.
        channel: Bytes,
        /// The message.
        message: Bytes,
    },
    /// Entries of a stream, in order.
    Entries(Vec<Entry>),
    /// Entries after `after` may be gone.
    Gap {
        /// The client's place.
        after: EntryId,
        /// The first entry that is there; none if none is.
        first: Option<EntryId>,
    },
    /// So many messages were not sent to this client; `None`: an unknown number, the subscription was interrupted.
    Missed(Option<u64>),
    /// The backend is out of reach (or again in reach).
    Stale(bool),
    /// The server ended the feed.
    Closed(Error),
}
