//! The home lane's side: which lanes hear a feed, in which formats, and how many clients there.

use crate::outbox::Class;
use ahash::AHashMap;
use model::{FeedId, Format, LaneId};
use smallvec::SmallVec;

/// Clients of one lane that hear a feed in one format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// Their lane.
    pub lane: LaneId,
    /// Their format.
    pub format: Format,
    /// How many there are; never 0.
    pub clients: u32,
}

/// All feeds whose home this lane is, with their routes.
#[derive(Default, Debug)]
pub struct Audience {
    feeds: AHashMap<FeedId, Feed>,
}

#[derive(Debug)]
struct Feed {
    class: Class,
    routes: SmallVec<[Route; 1]>,
}

impl Audience {
    /// One more client of `lane` hears `feed`, which is of this class for all of them.
    pub fn join(&mut self, feed: FeedId, class: Class, lane: LaneId, format: Format) {
        let Feed { routes, .. } = self.feeds.entry(feed).or_insert_with(|| Feed { class, routes: SmallVec::new() });
        match routes.iter_mut().find(|r| (r.lane, r.format) == (lane, format)) {
            Some(route) => route.clients += 1,
            None => routes.push(Route { lane, format, clients: 1 }),
        }
    }

    /// One client fewer. Returns whether nobody is left anywhere: the feed is forgotten then.
    /// Of a feed that is not known (it ended meanwhile) nobody is left either, and that was told before: `false`.
    pub fn leave(&mut self, feed: FeedId, lane: LaneId, format: Format) -> bool {
        let Some(Feed { routes, .. }) = self.feeds.get_mut(&feed) else { return false };
        if let Some(at) = routes.iter().position(|r| (r.lane, r.format) == (lane, format)) {
            routes[at].clients -= 1;
            if routes[at].clients == 0 {
                routes.swap_remove(at);
            }
        }
        let empty = routes.is_empty();
        if empty {
            self.feeds.remove(&feed);
        }
        empty
    }

    /// Forgets the feed and returns who heard it.
    pub fn end(&mut self, feed: FeedId) -> SmallVec<[Route; 1]> {
        self.feeds.remove(&feed).map(|gone| gone.routes).unwrap_or_default()
    }

    /// Who hears the feed.
    pub fn routes(&self, feed: FeedId) -> &[Route] {
        self.feeds.get(&feed).map_or(&[], |known| &known.routes)
    }

    /// The feed's class; of a feed that nobody hears, [`Class::Must`].
    pub fn class(&self, feed: FeedId) -> Class {
        self.feeds.get(&feed).map_or(Class::Must, |known| known.class)
    }

    /// How many feeds are heard by somebody.
    pub fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Whether no feed is heard.
    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_to_leave_ends_the_feed() {
        let (feed, here, there) = (FeedId(7), LaneId(0), LaneId(1));
        let mut audience = Audience::default();
        audience.join(feed, Class::State, here, Format::Native);
        audience.join(feed, Class::State, there, Format::Native);
        audience.join(feed, Class::State, there, Format::Native);
        audience.join(feed, Class::State, there, Format::Sse);
        assert_eq!((audience.routes(feed).len(), audience.class(feed)), (3, Class::State));
        assert!(!audience.leave(feed, there, Format::Native));
        assert!(!audience.leave(feed, there, Format::Native));
        assert!(!audience.leave(feed, here, Format::Native));
        assert!(audience.leave(feed, there, Format::Sse));
        assert!(audience.is_empty());
        assert_eq!(audience.class(feed), Class::Must);
        assert!(!audience.leave(feed, there, Format::Sse), "told once only");
    }
}
