//! What a session keeps of a client that has a token, or that opened feeds by the names of queries: few do, so it is apart.

use crate::grant::Grant;
use crate::rate::Allowance;
use model::{Args, FeedId};

/// Who the client is, and by which calls it opened feeds.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What its token gives.
    pub grant: Option<Grant>,
    /// What all clients without a token may ask together that come from where this one does.
    pub allowance: Option<Allowance>,
    /// Calls of named queries whose feeds are not open yet, by the requests' ids.
    opening: Vec<(u64, Args)>,
    /// Calls whose feeds are open: when the rules change, it is asked whether they are allowed still.
    open: Vec<(FeedId, Args)>,
}

impl Known {
    /// A client with a token.
    pub fn of(grant: Grant) -> Known {
        Known { grant: Some(grant), ..Known::default() }
    }

    /// A feed is being opened by this call.
    pub fn opening(&mut self, id: u64, call: Args) {
        self.opening.push((id, call));
    }

    /// The request has come to its end: the call it was, if it was one.
    pub fn opened(&mut self, id: u64) -> Option<Args> {
        let at = self.opening.iter().position(|(opening, _)| *opening == id)?;
        Some(self.opening.swap_remove(at).1)
    }

    /// The feed is open by this call, perhaps by others as well.
    pub fn hold(&mut self, feed: FeedId, call: Args) {
        if !self.calls_of(feed).any(|known| *known == call) {
            self.open.push((feed, call));
        }
    }

    /// The feed is open no more.
    pub fn forget(&mut self, feed: FeedId) {
        self.open.retain(|(open, _)| *open != feed);
    }

    /// The calls that opened a feed.
    pub fn calls_of(&self, feed: FeedId) -> impl Iterator<Item = &Args> {
        self.open.iter().filter(move |(open, _)| *open == feed).map(|(_, call)| call)
    }
}
