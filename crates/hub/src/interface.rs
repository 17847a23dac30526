//! What goes into a [`crate::Hub`] beside frames, and what comes out of it.

use bytes::Bytes;
use model::{CloseCode, ConnId, EntryId, FeedId, Format};

/// Writes the frame that tells of lost messages, or the code to close with where the format cannot tell.
pub type TellMissed = fn(Format, FeedId, u64) -> Result<Bytes, CloseCode>;

/// What a hub is made with.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes queued for one client, with what the queue itself takes.
    pub outbox_bytes_max: usize,
    /// Bytes queued for all clients of this hub together: over it, the client with the most is closed.
    pub outbox_total_bytes_max: usize,
    /// How losses are told.
    pub tell_missed: TellMissed,
}

/// Where a client is in a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It hears every frame from now on. For streams: it has everything up to this id.
    Current(EntryId),
    /// Frames are skipped; what is missing is asked for when there is room.
    Behind(EntryId),
    /// Frames are skipped; what is missing was asked for.
    Awaiting(EntryId),
}

/// What the hub wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// The client fell behind with a query and has room for the newest whole value.
    Resync {
        /// Who.
        conn: ConnId,
        /// What.
        feed: FeedId,
        /// Its format.
        format: Format,
    },
    /// The client fell behind with a stream and has room for the entries after its place.
    CatchUp {
        /// Who.
        conn: ConnId,
        /// What.
        feed: FeedId,
        /// Its format.
        format: Format,
        /// The last entry it has.
        after: EntryId,
    },
    /// Nothing but closing helps.
    Close {
        /// Who.
        conn: ConnId,
        /// Why.
        code: CloseCode,
    },
}

/// A client began to lose frames of a feed, or to wait for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slow {
    /// Who.
    pub conn: ConnId,
    /// What.
    pub feed: FeedId,
    /// How it is made good.
    pub class: crate::Class,
}

/// Plain counts for metrics; they only rise.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counters {
    /// Frames put into outboxes; a joined one counts as often as it holds messages.
    pub frames: u64,
    /// Bytes taken out of outboxes by writes.
    pub bytes_written: u64,
    /// Messages of channels dropped because a client was too slow.
    pub messages_dropped: u64,
    /// Times a query's queued frames were dropped for a whole value later.
    pub conflations: u64,
    /// Times a stream's follower had to wait at its place.
    pub stream_waits: u64,
    /// Clients closed because their outbox was full of what may not be dropped.
    pub too_slow: u64,
}

/// The answer to [`Output::CatchUp`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaughtUp {
    /// The place that was asked from.
    pub after: EntryId,
    /// Entries, with what has to be said before them; may be empty.
    pub frame: Bytes,
    /// The place it leads to.
    pub end: EntryId,
    /// Whether that is the stream's end: every later frame is for this client too. If not, it asks again.
    pub at_end: bool,
}
