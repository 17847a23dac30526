//! What a lane notices of single clients, as lines of the log: a few of each kind a second, with how many were not told.

use crate::clock::Clock;
use crate::sampler::{Sampler, readable};
use crate::shell::LaneHandle;
use lane::What;

/// How often the log is told of each kind of notice.
pub(crate) struct Told {
    closed: Sampler,
    refused: Sampler,
    slow: Sampler,
    took_long: Sampler,
}

impl Told {
    pub(crate) fn new(clock: Clock) -> Told {
        /// Of one kind and lane: enough to see who, too few to fill a disk.
        const LINES_PER_SECOND: u64 = 5;
        let sampler = || Sampler::new(clock, LINES_PER_SECOND);
        Told { closed: sampler(), refused: sampler(), slow: sampler(), took_long: sampler() }
    }
}

impl LaneHandle {
    /// Tells the log who was closed, refused or too slow: a few of each kind a second, and how many were not told.
    pub(crate) fn tell_notices(&self) {
        let notices = self.0.lane.borrow_mut().take_notices();
        for lane::Notice { conn, user, feed, what } in notices {
            let sampler = match what {
                What::Closed(_) => &self.0.told.closed,
                What::Refused(_) => &self.0.told.refused,
                What::Slow(_) => &self.0.told.slow,
                What::TookLong { .. } => &self.0.told.took_long,
            };
            let Some(untold) = sampler.pass() else { continue };
            let client = conn.map(|conn| format!("{}-{}-{}", self.0.id.0, conn.slot, conn.generation));
            let connection = conn.and_then(|conn| self.connection(conn));
            let address = connection.and_then(|connection| connection.address());
            let (address, user) = (address.map(tracing::field::display), user.as_deref());
            let feed = feed.map(|feed| feed.0);
            match what {
                What::Closed(code) => {
                    tracing::info!(
                        client,
                        user,
                        address,
                        code = code.code(),
                        reason = code.name(),
                        untold,
                        "client closed"
                    );
                }
                What::Refused(error) => {
                    let (reason, detail) = (&*error.code, readable(&error.message));
                    tracing::info!(client, user, address, reason, detail, untold, "request refused");
                }
                What::Slow(class) => {
                    let reason = match class {
                        lane::Class::Events => "messages are dropped",
                        lane::Class::State => "values are skipped",
                        lane::Class::Entries | lane::Class::Must => "entries wait",
                    };
                    tracing::info!(client, user, address, feed, reason, untold, "client too slow");
                }
                What::TookLong { command, took } => {
                    let ms = took.as_millis() as u64;
                    match conn {
                        Some(_) => tracing::info!(client, user, address, command, ms, untold, "slow command"),
                        None => tracing::info!(feed, command, ms, untold, "slow read"),
                    }
                }
            }
        }
    }
}
