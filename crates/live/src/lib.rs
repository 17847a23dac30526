//! What a topic is now.
//!
//! Each lane has one [`Live`]. It owns all topics whose home is that lane: live queries, channels, patterns and
//! streams. It knows no Redis, no encodings, no connections and no clock.

mod interface;
mod patch;
mod value;

pub use interface::{Config, Counters, ListenerId, Open, OpenerId, Output};

use model::backend::BackendEvent;
use model::{EntryId, FeedId, Time};

/// The topics of one lane.
#[derive(Clone, Debug)]
pub struct Live {
    config: Config,
}

impl Live {
    /// No topics yet.
    pub fn new(config: Config) -> Live {
        Live { config }
    }

    /// Somebody wants to hear a feed.
    pub fn handle_open(&mut self, open: Open, now: Time, out: &mut Vec<Output>) {
        let _ = (open, now, out, &self.config);
    }

    /// Nobody hears the feed any more: it ends, and with its last feed the topic. Openers that wait are not meant:
    /// they get a feed with a new number.
    pub fn handle_abandoned(&mut self, feed: FeedId, now: Time, out: &mut Vec<Output>) {
        let _ = (feed, now, out);
    }

    /// A listener of a query that skipped events wants the newest whole value: answered at once by
    /// [`Output::EventTo`] with the value (or the error), then with the stale state.
    pub fn handle_resync(&mut self, feed: FeedId, listener: ListenerId, out: &mut Vec<Output>) {
        let _ = (feed, listener, out);
    }

    /// A listener of a stream that is behind the end, having everything up to `after`, wants the next entries:
    /// answered by [`Output::EventTo`] entries (a gap before them if there is one), then [`Output::CaughtUp`].
    /// One at a time per listener. If the feed ends first, only [`Output::Ended`] comes.
    pub fn handle_catch_up(
        &mut self,
        feed: FeedId,
        listener: ListenerId,
        after: EntryId,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let _ = (feed, listener, after, now, out);
    }

    /// The backend tells something. [`BackendEvent::Reply`] is not for this machine and ignored.
    pub fn handle_backend(&mut self, event: BackendEvent, now: Time, out: &mut Vec<Output>) {
        let _ = (event, now, out);
    }

    /// When [`Live::handle_timeout`] wants to be called next, unless something else happens first.
    pub fn next_timeout(&self) -> Option<Time> {
        None
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        let _ = (now, out);
    }

    /// Plain numbers for metrics.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
}
