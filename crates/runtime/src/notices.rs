//! What the log is told of clients: a few of each kind a second, and how many were not told.

use crate::clock::Clock;
use crate::sampler::{Sampler, readable};
use lane::{Class, Notice, What};
use model::LaneId;
use std::net::IpAddr;

/// How often the log is told of each kind of notice.
pub(crate) struct Told {
    closed: Sampler,
    refused: Sampler,
    slow: Sampler,
}

impl Told {
    pub(crate) fn new(clock: Clock) -> Told {
        /// Of one kind and lane: enough to see who, too few to fill a disk.
        const LINES_PER_SECOND: u64 = 5;
        let sampler = || Sampler::new(clock, LINES_PER_SECOND);
        Told { closed: sampler(), refused: sampler(), slow: sampler() }
    }

    /// Tells who was closed, refused or too slow, if it is that notice's turn.
    pub(crate) fn tell(&self, lane: LaneId, notice: &Notice, address: impl FnOnce() -> Option<IpAddr>) {
        let Notice { conn, user, feed, what } = notice;
        let sampler = match what {
            What::Closed(_) => &self.closed,
            What::Refused(_) => &self.refused,
            What::Slow(_) => &self.slow,
        };
        let Some(untold) = sampler.pass() else { return };
        let client = format!("{}-{}-{}", lane.0, conn.slot, conn.generation);
        let (address, user) = (address().map(tracing::field::display), user.as_deref());
        let feed = feed.map(|feed| feed.0);
        match what {
            What::Closed(code) => {
                let (code, reason) = (code.code(), code.name());
                tracing::info!(client, user, address, code, reason, untold, "client closed");
            }
            What::Refused(error) => {
                let (reason, detail) = (&*error.code, readable(&error.message));
                tracing::info!(client, user, address, reason, detail, untold, "request refused");
            }
            What::Slow(class) => {
                let reason = match class {
                    Class::Events => "messages are dropped",
                    Class::State => "values are skipped",
                    Class::Entries | Class::Must => "entries wait",
                };
                tracing::info!(client, user, address, feed, reason, untold, "client too slow");
            }
        }
    }
}
