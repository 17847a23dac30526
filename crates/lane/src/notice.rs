//! What an operator may want to know by name: who was closed, refused or too slow, and why. Counted always, told in part.

use crate::lane::Lane;
use hub::Class;
use model::{CloseCode, ConnId, Error, FeedId, Format, Time};
use std::rc::Rc;
use std::time::Duration;

/// Something happened to one client that should not happen to many.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// Who; none: it concerns nobody in particular.
    pub conn: Option<ConnId>,
    /// Who that is.
    pub user: Option<Rc<str>>,
    /// About which feed.
    pub feed: Option<FeedId>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// The connection was closed.
    Closed(CloseCode),
    /// A request was refused.
    Refused(Error),
    /// It was too slow: messages are dropped, values are skipped, or entries wait.
    Slow(Class),
    /// The backend took long for a command or a read.
    TookLong {
        /// Its name, in lower case.
        command: String,
        /// How long.
        took: Duration,
    },
}

/// A client, for whoever may look inside.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientInfo {
    /// Its id.
    pub conn: ConnId,
    /// What it speaks.
    pub format: Format,
    /// Who it is.
    pub user: Option<String>,
    /// The feeds it has open.
    pub feeds: Vec<FeedId>,
    /// Its requests that are not answered yet.
    pub under_way: usize,
    /// Bytes queued for it.
    pub queued_bytes: usize,
    /// Since when it is there.
    pub since: Time,
    /// Its close frame is queued.
    pub is_closing: bool,
}

/// Of the notices of one turn, so many are kept.
const NOTICES_MAX: usize = 32;

impl Lane {
    /// What there is to tell since the last call; of much, some.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        for hub::Slow { conn, feed, class } in self.hub.take_slow() {
            self.note(Some(conn), Some(feed), What::Slow(class));
        }
        std::mem::take(&mut self.notices)
    }

    pub(crate) fn note(&mut self, conn: Option<ConnId>, feed: Option<FeedId>, what: What) {
        if self.notices.len() < NOTICES_MAX {
            let user = conn.and_then(|conn| self.client(conn)).and_then(|client| client.session.user().cloned());
            self.notices.push(Notice { conn, user, feed, what });
        }
    }

    pub(crate) fn note_closed(&mut self, conn: ConnId, code: CloseCode) {
        self.counters.closed += 1;
        self.counters.closed_by[code.index()] += 1;
        if code.is_notable() {
            self.note(Some(conn), None, What::Closed(code));
        }
    }

    pub(crate) fn note_error(&mut self, conn: ConnId, error: &Error) {
        let own = model::error::OWN.iter().position(|code| *code == error.code);
        self.counters.errors_by[own.unwrap_or(model::error::OWN.len())] += 1;
        if own.is_some() {
            self.note(Some(conn), None, What::Refused(error.clone()));
        }
    }

    /// Clients from this slot on, at most so many.
    pub fn clients(&self, from_slot: u32, at_most: usize) -> impl Iterator<Item = ClientInfo> {
        let clients = self.clients.get(from_slot as usize..).unwrap_or_default().iter().flatten();
        clients.take(at_most).map(|client| ClientInfo {
            conn: client.conn,
            format: client.format,
            user: client.session.user().map(|user| user.to_string()),
            feeds: client.session.feeds().collect(),
            under_way: client.session.under_way(),
            queued_bytes: self.hub.queued_bytes(client.conn),
            since: client.liveness.since(),
            is_closing: client.is_closing,
        })
    }

    /// Whether the client is there.
    pub fn has_client(&self, conn: ConnId) -> bool {
        self.client(conn).is_some()
    }

    /// How many of this lane's clients hear each feed, in each format.
    pub fn audiences(&self) -> impl Iterator<Item = (FeedId, Format, usize)> {
        self.hub.audiences()
    }

    /// Of these feeds those that are at home here: the verb that opens each, and its words.
    pub fn describe(&self, feeds: &[FeedId]) -> Vec<(FeedId, &'static str, model::Args)> {
        self.live.describe(feeds.iter().copied().filter(|feed| self.home_of_feed(*feed) == self.config.id))
    }
}
