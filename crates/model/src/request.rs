//! What clients ask and what one request is answered with, whatever door it came through.

use crate::feed::Tag;
use crate::stream::EntryId;
use crate::value::Value;
use crate::{Args, Error, FeedId};
use bytes::Bytes;
use std::rc::Rc;

/// One request of a client.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// The number the client chose for it, 0…2^53-1; `None` only for a [`Verb::Command`] that wants no answer.
    pub id: Option<u64>,
    /// What it asks.
    pub verb: Verb,
}

/// A request's verb with its options.
#[derive(Clone, PartialEq, Debug)]
pub enum Verb {
    /// One Redis command.
    Command(Args),
    /// Several commands as one MULTI/EXEC.
    Commands(Vec<Args>),
    /// A live query.
    Live {
        /// A read-only command.
        command: Args,
        /// The pace asked for, in milliseconds.
        every_ms: Option<u64>,
        /// Parse JSON in strings.
        json: bool,
        /// The tag of the value that the client still shows.
        have: Option<Tag>,
    },
    /// A channel's messages.
    Subscribe(Bytes),
    /// The messages of all channels that a glob matches.
    Psubscribe(Bytes),
    /// A stream's entries.
    Follow {
        /// The stream's key.
        stream: Bytes,
        /// Where to begin.
        from: From,
    },
    /// Ends a feed.
    Close(FeedId),
    /// Presents a token.
    Auth(String),
    /// Any JSON text, answered as it came.
    Ping(Box<str>),
}

/// Where a follower begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// Only entries added from now on (`"$"`, the default).
    End,
    /// After this id; `"0"` is [`EntryId::MIN`].
    After(EntryId),
}

/// The answer to one request, or the greeting.
#[derive(Clone, PartialEq, Debug)]
pub enum Response {
    /// The first frame of a connection.
    Hello(Hello),
    /// A result.
    Result {
        /// The request's.
        id: u64,
        /// The command's answer.
        value: Value,
    },
    /// A ping's text, verbatim JSON.
    Pong {
        /// The request's.
        id: u64,
        /// As it came.
        json: Box<str>,
    },
    /// A feed is open.
    Opened {
        /// The request's.
        id: u64,
        /// The feed's number.
        feed: FeedId,
        /// What belongs to its kind.
        state: Opening,
        /// The backend is out of reach: what is shown may be old.
        stale: bool,
    },
    /// The request failed.
    Error {
        /// The request's, if it was readable and had one.
        id: Option<u64>,
        /// Why.
        error: Error,
    },
}

/// What the reply to an opening says beside the feed's number.
#[derive(Clone, PartialEq, Debug)]
pub enum Opening {
    /// A live query.
    Query {
        /// The revision that the client joins at.
        rev: u64,
        /// How changes are noticed.
        via: Via,
        /// The value at that revision.
        content: Content,
    },
    /// A channel or pattern, in force.
    Channel,
    /// A stream, from this id on (exclusive).
    Stream {
        /// The place.
        from: EntryId,
    },
}

/// A query's content at opening.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// The client's `have` is current.
    Same(Tag),
    /// The value.
    Value(Tag, Rc<Value>),
    /// The command answers with this error now.
    Error(Error),
}

/// How a live query notices changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The backend tells of every change of the keys that were read.
    Tracking,
    /// Keyspace notifications.
    Events,
    /// Read again at every tick of the pace.
    Polling,
}

impl Via {
    /// The word in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Tracking => "tracking",
            Via::Events => "events",
            Via::Polling => "polling",
        }
    }
}

/// What a connection is told first.
#[derive(Clone, PartialEq, Debug)]
pub struct Hello {
    /// keywire's version.
    pub version: &'static str,
    /// The node's name.
    pub node: Rc<str>,
    /// Who the client is; `None`: nobody yet.
    pub user: Option<Rc<str>>,
    /// When the rights end, in seconds since 1970.
    pub expires: Option<u64>,
    /// How often the server pings, in milliseconds.
    pub ping_interval_ms: u64,
    /// The window that a client draws its reconnect delay from, in milliseconds.
    pub reconnect_ms: [u64; 2],
    /// The greatest message the server takes, in bytes.
    pub message_bytes_max: usize,
    /// Feeds per connection.
    pub feeds_max: usize,
    /// Requests a second that are answered in the long run.
    pub requests_per_second_max: u32,
}
