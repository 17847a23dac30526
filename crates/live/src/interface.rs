//! What goes into [`crate::Live`] beside time and backend events, and everything that comes out of it.

use model::backend::BackendRequest;
use model::feed::Tag;
use model::request::{From, Opening};
use model::{EntryId, Error, FeedEvent, FeedId, FeedKey, Limits};

/// What a [`crate::Live`] is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of the first feed.
    pub first_feed: u64,
    /// The distance between two feed numbers, at least 1: the lanes of a node stripe the numbers among them.
    pub feed_step: u64,
    /// Used here: `value_bytes_max`, and `topics_max`, which is this lane's share of the node's.
    pub limits: Limits,
    /// How many bytes of entries one read of a stream brings at most.
    pub range_bytes: usize,
    /// Reads at the backend at the same time: further ones wait their turn. At least 1.
    pub reads_in_flight_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            first_feed: 1,
            feed_step: 1,
            limits: Limits::default(),
            range_bytes: 64 << 10,
            reads_in_flight_max: 256,
        }
    }
}

/// Who opened: opaque here, given back with the answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct OpenerId(pub u64);

/// One listener that fell behind: opaque here, given back with what is for it alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ListenerId(pub u64);

/// A wish to hear a feed. It is answered exactly once, by [`Output::Opened`] or [`Output::Refused`].
#[derive(Clone, Debug)]
pub struct Open {
    /// Comes back with the answer.
    pub opener: OpenerId,
    /// Which feed. `json` and `pace` count for queries only.
    pub key: FeedKey,
    /// Queries: the tag of the value that the client still shows.
    pub have: Option<Tag>,
    /// Streams: where to begin; none is [`From::End`].
    pub from: Option<From>,
    /// What is shown must be read after this moment (the client has had a command's reply before); otherwise what is
    /// known here, and not known to have changed, will do.
    pub fresh: bool,
}

/// What the owner of a [`crate::Live`] is to do, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send this to the backend.
    Backend(BackendRequest),
    /// The opener hears the feed: every [`Output::Event`] after this one and none before it.
    Opened {
        /// Who.
        opener: OpenerId,
        /// The feed's number.
        feed: FeedId,
        /// What the reply says.
        state: Opening,
        /// What is shown may be old: `stale: false` will be told.
        stale: bool,
        /// Streams: whether it stands at the end and hears entries from now on. If not, it must ask for them by
        /// [`crate::Live::handle_catch_up`], beginning at the place in `state`. `true` for queries and channels.
        at_end: bool,
    },
    /// The opener does not hear the feed.
    Refused {
        /// Who.
        opener: OpenerId,
        /// Why.
        error: Error,
    },
    /// For all who hear the feed. [`FeedEvent::Entries`] and [`FeedEvent::Gap`] are for those at the stream's end
    /// only; [`FeedEvent::Closed`], and [`FeedEvent::Stale`] of channels and streams, are for those behind as well.
    Event {
        /// The feed.
        feed: FeedId,
        /// What happened.
        event: FeedEvent,
    },
    /// For one listener that asked. Never [`FeedEvent::Closed`]: a feed ends for all at once.
    EventTo {
        /// Who.
        listener: ListenerId,
        /// The feed.
        feed: FeedId,
        /// What it missed.
        event: FeedEvent,
    },
    /// A catch-up is answered; the listener's entries, if there were any, came just before.
    CaughtUp {
        /// Who.
        listener: ListenerId,
        /// The feed.
        feed: FeedId,
        /// Where it stands now.
        position: EntryId,
        /// `true`: it hears [`Output::Event`] entries from now on. `false`: it asks again when it has room.
        at_end: bool,
    },
    /// The feed is over (its [`FeedEvent::Closed`] came just before): forget all its listeners, those behind too.
    /// Its number is not used again.
    Ended {
        /// The feed.
        feed: FeedId,
    },
}

/// Plain numbers for metrics. Those that count events only rise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Reads of live queries sent to the backend.
    pub reads: u64,
    /// Reads of streams sent to the backend.
    pub ranges: u64,
    /// Replies to reads that were equal to what was known: nothing was published.
    pub unchanged: u64,
    /// Changes published as patches.
    pub patches: u64,
    /// Changes published as whole values.
    pub values: u64,
    /// Changes published as errors.
    pub errors: u64,
    /// Messages of channels and patterns published.
    pub messages: u64,
    /// Messages dropped over `messages_per_second_max`.
    pub messages_over_rate: u64,
    /// Entries published to those at a stream's end.
    pub entries: u64,
    /// Keys told by invalidations.
    pub invalidations: u64,
    /// Queries, channels, patterns and streams now.
    pub topics: u64,
    /// Feeds now.
    pub feeds: u64,
    /// Reads at the backend now.
    pub reads_in_flight: u64,
    /// Openers that wait now.
    pub waiting: u64,
}
