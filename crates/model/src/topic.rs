//! What a client can hear: topics, and feeds, which are topics in one pace and shape.

use crate::Args;
use bytes::Bytes;

/// The source of a feed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// A live query: one read-only command.
    Query(Query),
    /// A pub/sub channel.
    Channel(Bytes),
    /// A pub/sub pattern (Redis glob).
    Pattern(Bytes),
    /// A followed stream's key.
    Stream(Bytes),
}

impl Topic {
    /// The name whose slot decides the topic's home lane: a query's first key (its whole command if it names none),
    /// a channel, a pattern or a stream key.
    pub fn home_name(&self) -> &[u8] {
        match self {
            Topic::Query(q) => q.keys.first().unwrap_or(&q.command[0]),
            Topic::Channel(name) | Topic::Pattern(name) | Topic::Stream(name) => name,
        }
    }
}

/// A live query's command and what the command table says of it. Equal commands give equal queries.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Query {
    /// The command, as first sent.
    pub command: Args,
    /// The keys it reads: a change of one of them means to read again. Empty where it is only polled.
    pub keys: std::sync::Arc<[Bytes]>,
    /// Read again at every pace tick, since no write tells of a change (`TTL`, `DBSIZE`, scripts).
    pub polled: bool,
    /// The reply comes in no fixed order (`SMEMBERS`, `HKEYS`): sorted bytewise before it is compared.
    pub unordered: bool,
}

/// How often at most a live query's changes are sent: one of the steps of [`Pace::STEPS_MS`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Pace(u16);

impl Pace {
    /// The paces there are, in milliseconds.
    pub const STEPS_MS: [u16; 10] = [0, 16, 50, 100, 250, 500, 1000, 2000, 5000, 10000];

    /// The least step of at least `ms` milliseconds; the last one if `ms` is beyond it.
    pub fn at_least(ms: u64) -> Pace {
        Pace(Pace::STEPS_MS.into_iter().find(|&step| u64::from(step) >= ms).unwrap_or(10000))
    }

    /// The least time between two changes.
    pub fn interval(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.into())
    }

    /// The step in milliseconds.
    pub fn ms(self) -> u16 {
        self.0
    }
}

/// What makes two subscriptions the same feed: the topic and, for queries, `json` and the pace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FeedKey {
    /// The source.
    pub topic: Topic,
    /// Strings that hold JSON are parsed (queries only).
    pub json: bool,
    /// The pace (queries only; [`Pace::at_least`]`(0)` for others).
    pub pace: Pace,
}

/// How frames are written: each format of a feed is encoded once per event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Format {
    /// Frames of `/ws`: JSON in WebSocket text frames.
    Native,
    /// Frames of `/raw`: the bare payload in a WebSocket frame.
    Raw,
    /// Events of `/sse`.
    Sse,
    /// Replies of `POST /command`: JSON, not framed. Has no feeds.
    Http,
    /// As [`Format::Native`], for clients that agreed to `permessage-deflate`: what gains by it is compressed.
    NativeDeflated,
    /// As [`Format::Raw`], likewise.
    RawDeflated,
}

impl Format {
    /// What is compressed in this format; the format itself if nothing is.
    pub fn plain(self) -> Format {
        match self {
            Format::NativeDeflated => Format::Native,
            Format::RawDeflated => Format::Raw,
            plain => plain,
        }
    }

    /// The format of the clients that agreed to compression; itself where there is none.
    pub fn deflated(self) -> Format {
        match self {
            Format::Native => Format::NativeDeflated,
            Format::Raw => Format::RawDeflated,
            other => other,
        }
    }

    /// Whether what gains by it is compressed.
    pub fn is_deflated(self) -> bool {
        self.plain() != self
    }

    /// Whether its frames are WebSocket's.
    pub fn is_websocket(self) -> bool {
        matches!(self.plain(), Format::Native | Format::Raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_round_up() {
        for (ms, step) in [(0, 0), (1, 16), (16, 16), (17, 50), (99, 100), (10_000, 10_000), (99_999, 10_000)] {
            assert_eq!(Pace::at_least(ms).ms(), step, "{ms}");
        }
    }
}
