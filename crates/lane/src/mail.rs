//! What lanes write to each other. Values never cross: only requests, and bytes that are encoded already.

use bytes::Bytes;
use hub::{Class, Place};
use model::feed::Tag;
use model::request::From;
use model::{CloseCode, ConnId, EntryId, Error, FeedId, FeedKey, Format, Topic};

/// One letter. The first group goes to a feed's home lane, the second comes from it.
#[derive(Debug)]
pub enum Mail {
    /// A client wants to hear a feed.
    Open(Open),
    /// A client of the sender hears the feed no more.
    Leave {
        /// The feed.
        feed: FeedId,
        /// The format it heard it in.
        format: Format,
    },
    /// A client that fell behind wants the newest whole value.
    Resync {
        /// Who.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
    },
    /// A client that fell behind wants the entries after its place.
    CatchUp {
        /// Who.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// The place.
        after: EntryId,
    },

    /// What is this feed of? A client's rules are others now.
    AskTopic {
        /// Whose.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// The format it hears it in.
        format: Format,
    },

    /// A feed is open for a client.
    Opened(Opened),
    /// The answer to [`Mail::AskTopic`]; none if the feed is over.
    Topic {
        /// Who.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// What it is of.
        topic: Topic,
    },
    /// A feed could not be opened.
    Refused {
        /// Who.
        conn: ConnId,
        /// Its request's id.
        id: u64,
        /// Why.
        error: Error,
    },
    /// A frame for all who hear the feed in this format.
    Frame {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// The frame.
        frame: Bytes,
        /// The last entry's id in it (streams).
        end: EntryId,
    },
    /// A frame for all who hear the feed in this format, behind or not: that it is stale, or its end.
    MustFrame {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// The frame.
        frame: Bytes,
    },
    /// The answer to [`Mail::Resync`].
    Resynced {
        /// Who.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// The whole value.
        frame: Bytes,
    },
    /// The answer to [`Mail::CatchUp`].
    CaughtUp {
        /// Who.
        conn: ConnId,
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// What there is after its place.
        answer: hub::CaughtUp,
    },
    /// The feed is over for all who hear it in this format; it was told before.
    Ended {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
    },
    /// So many messages were lost on the way to this lane.
    Missed {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// How many.
        count: u32,
    },
    /// Frames of a stream were lost on the way to this lane: everybody goes on from its place.
    AllBehind {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
    },
    /// What had to be told cannot be told in this format: who hears the feed in it is closed.
    CloseAll {
        /// The feed.
        feed: FeedId,
        /// The format.
        format: Format,
        /// The code.
        code: CloseCode,
    },
    /// The same for one client.
    CloseOne {
        /// Who.
        conn: ConnId,
        /// The code.
        code: CloseCode,
    },
}

/// A client's wish to hear a feed.
#[derive(Debug)]
pub struct Open {
    /// Who.
    pub conn: ConnId,
    /// Its request's id.
    pub id: u64,
    /// How it wants to hear it.
    pub format: Format,
    /// What.
    pub key: FeedKey,
    /// The value it still shows.
    pub have: Option<Tag>,
    /// Where to begin in a stream.
    pub from: Option<From>,
    /// Only a read that starts now will do.
    pub fresh: bool,
}

/// The answer to [`Mail::Open`].
#[derive(Debug)]
pub struct Opened {
    /// Who.
    pub conn: ConnId,
    /// Its request's id.
    pub id: u64,
    /// The feed.
    pub feed: FeedId,
    /// The format.
    pub format: Format,
    /// What may happen to the feed's frames.
    pub class: Class,
    /// Where the client is in it.
    pub place: Place,
    /// What is shown may be old.
    pub stale: bool,
    /// The reply; empty where the format writes none.
    pub reply: Bytes,
}

/// What a letter weighs in a link beside its bytes.
pub(crate) const MAIL_BYTES: usize = std::mem::size_of::<Mail>();

impl Mail {
    /// About how many bytes the letter holds.
    pub fn bytes(&self) -> usize {
        MAIL_BYTES
            + match self {
                Mail::Opened(Opened { reply: frame, .. })
                | Mail::CaughtUp { answer: hub::CaughtUp { frame, .. }, .. }
                | Mail::Frame { frame, .. }
                | Mail::MustFrame { frame, .. }
                | Mail::Resynced { frame, .. } => frame.len(),
                _ => 0,
            }
    }
}
