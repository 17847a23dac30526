//! Numbers that name things inside one node. They mean nothing on another node or after a restart.

use std::fmt;

/// One lane: one thread and the state it owns. Lanes are numbered from 0 without holes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct LaneId(pub u16);

/// One client connection of one lane. `generation` tells a reused `slot` from the connection that had it before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnId {
    /// The index in the lane's table of connections.
    pub slot: u32,
    /// Rises each time the slot is used again.
    pub generation: u32,
}

/// The number by which feed frames name a feed (`{"feed":17,…}`): unique on its node, never reused in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FeedId(pub u64);

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A watch (one live command) or a followed stream in its home lane: names a read to the backend and its answer.
/// Never reused within a lane, so an answer that comes late names nobody else's watch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct WatchId(pub u64);

/// A command submitted to the backend by a lane; its reply carries the same ticket. Never reused within a lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ticket(pub u64);
