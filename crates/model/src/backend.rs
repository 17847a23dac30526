//! The two types that a lane and a backend exchange. Redis, Valkey and the embedded store look the same from here.
//!
//! Rules that every backend keeps:
//! * Requests of one lane take effect in the order they were sent; every [`BackendRequest::Command`] and
//!   [`BackendRequest::Transaction`] is answered exactly once, with its ticket.
//! * A [`BackendRequest::Read`] arms the keys it names for that lane: after the [`BackendEvent::Value`] that answers it,
//!   the first change of each key is told once by [`BackendEvent::Invalidated`]; a change between the read and its
//!   answer's delivery is told after the answer. Arming is one shot: the next read arms again.
//! * What cannot be told exactly is told as [`BackendEvent::InvalidatedAll`] or [`BackendEvent::Interrupted`]: never silence.

use crate::reply::Reply;
use crate::request::Via;
use crate::stream::{EntryId, StreamRange};
use crate::{Args, Ticket, WatchId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// What a lane asks of the backend.
#[derive(Clone, PartialEq, Debug)]
pub enum BackendRequest {
    /// A client's command.
    Command {
        /// Comes back with the reply.
        ticket: Ticket,
        /// The command.
        command: Args,
    },
    /// A client's MULTI/EXEC.
    Transaction {
        /// Comes back with the reply: an array, or an `EXECABORT` error.
        ticket: Ticket,
        /// The commands between MULTI and EXEC.
        commands: Vec<Args>,
    },
    /// A live query's read; answered by [`BackendEvent::Value`].
    Read {
        /// Comes back with the value.
        watch: WatchId,
        /// The command.
        command: Args,
        /// The keys to arm; empty for polled queries.
        keys: Arc<[Bytes]>,
    },
    /// A followed stream's read; answered by [`BackendEvent::Range`]. Arms the stream's key.
    Range {
        /// Comes back with the range.
        watch: WatchId,
        /// The stream's key.
        stream: Bytes,
        /// Entries above this id; `None`: none, only where the stream ends.
        after: Option<EntryId>,
        /// At most so many bytes of entries (at least one entry if there is one).
        bytes_max: usize,
    },
    /// Nobody of this lane watches these keys any more: no need to tell of them.
    Forget {
        /// The keys.
        keys: Arc<[Bytes]>,
    },
    /// Tell this lane of the channel's messages; answered by [`BackendEvent::Subscribed`], or refused.
    Subscribe {
        /// A channel or a pattern.
        name: ChannelName,
    },
    /// No more.
    Unsubscribe {
        /// A channel or a pattern.
        name: ChannelName,
    },
}

/// A channel, or a glob over channels.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ChannelName {
    /// One channel.
    Channel(Bytes),
    /// All channels that the glob matches.
    Pattern(Bytes),
}

/// What the backend tells a lane.
#[derive(Clone, PartialEq, Debug)]
pub enum BackendEvent {
    /// A command's or transaction's reply.
    Reply {
        /// The request's.
        ticket: Ticket,
        /// The reply; an error reply `UNAVAILABLE …` if the backend is out of reach.
        reply: Reply,
    },
    /// What a live query's command answers.
    Value {
        /// The read's.
        watch: WatchId,
        /// The reply, errors too; `None`: the backend was out of reach or not ready, read again later.
        reply: Option<Reply>,
        /// When a key or field that was read expires, from the moment of the read: read again then.
        expires_in: Option<Duration>,
    },
    /// A part of a stream, or the error (`WRONGTYPE`); `None`: out of reach, read again later.
    Range {
        /// The read's.
        watch: WatchId,
        /// What was read.
        range: Option<Result<StreamRange, crate::Error>>,
    },
    /// These armed keys changed, or may have.
    Invalidated {
        /// The keys.
        keys: Vec<Bytes>,
    },
    /// Any key may have changed: read everything again.
    InvalidatedAll,
    /// The subscription is in force: every message published from now on is told.
    Subscribed {
        /// Which.
        name: ChannelName,
    },
    /// The subscription is refused, or is in force no more: it is over, and need not be given up.
    SubscriptionRefused {
        /// Which.
        name: ChannelName,
        /// Why.
        error: crate::Error,
    },
    /// A message, in the publisher's order per channel.
    Message {
        /// The subscription it matched.
        name: ChannelName,
        /// The channel it was published to.
        channel: Bytes,
        /// The message.
        message: Bytes,
    },
    /// Messages of all subscriptions may have been lost up to now; they are in force again.
    Interrupted,
    /// The backend is out of reach, or not answering (`true`); in reach again (`false`).
    Stale(bool),
    /// How changes of keys that are armed are noticed from now on; before the first of these, by [`Via::Tracking`].
    Via(Via),
}
