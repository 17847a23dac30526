//! Clients and their tokens: what a token gives, what of it is taken away again, and the feeds that go with it.

use crate::event::Output;
use crate::lane::{Config, Lane};
use crate::mail::Mail;
use crate::setup::Setup;
use model::error::{NOAUTH, UNAVAILABLE};
use model::{CloseCode, ConnId, Error, FeedEvent, FeedId, Time, Topic};
use session::{Grant, Revoked};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wire::Encoded;

/// Clients whose tokens were given under other settings come again within this time.
const RENEW_WITHIN: Duration = Duration::from_secs(3);
/// In so many groups.
const RENEW_STEPS: u32 = 64;

impl Lane {
    /// Whether what a token gives may be had now.
    ///
    /// # Errors
    /// `NOAUTH` if it is revoked, `UNAVAILABLE` if that is not known yet, or if it was given under settings that hold no more.
    pub fn check_grant(&self, grant: &Grant) -> Result<(), Error> {
        if grant.generation < self.config.generation {
            return Err(Error::new(UNAVAILABLE, "the settings of tokens have just changed: come again"));
        }
        match &self.revoked {
            Some(revoked) if revoked.covers(grant) => Err(Error::new(NOAUTH, "the token is revoked")),
            None if self.config.awaits_revoked => {
                Err(Error::new(UNAVAILABLE, "which tokens are revoked is not known yet"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn handle_authenticated(
        &mut self,
        conn: ConnId,
        id: u64,
        result: Result<Box<Grant>, Error>,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        let checked = result.and_then(|grant| self.check_grant(&grant).map(|()| *grant));
        self.with_session(conn, now, out, |session, outputs| session.handle_authenticated(id, checked, outputs));
        if self.wants_input(conn) {
            out.push(Output::Resume { conn });
        }
    }

    /// Ends the connections of those who are let in no more.
    pub(crate) fn handle_revoked(&mut self, revoked: Arc<Revoked>, now: Time, out: &mut Vec<Output>) {
        let clients = self.clients.iter().flatten().filter(|client| client.session.is_revoked(&revoked));
        let ended: Vec<ConnId> = clients.map(|client| client.conn).collect();
        self.revoked = Some(revoked);
        ended.into_iter().for_each(|conn| self.close(conn, CloseCode::Ended, now, out));
    }

    /// From now on these are the rules: of who has no token, what is denied, what names of queries stand for. Feeds that they
    /// forbid are closed. If what tokens give is of another generation, clients with tokens are told to come again with
    /// one, one after another within three seconds.
    pub fn set_rules(&mut self, setup: &Setup, now: Time, out: &mut Vec<Output>) {
        self.now = now;
        let Config { session, generation, .. } = setup.lane(self.config.id);
        let session = session::Config { limits: self.config.limits.clone(), ..(*session).clone() };
        self.config.session = Rc::new(session);
        let renews = std::mem::replace(&mut self.config.generation, generation) != generation;
        let clients: Vec<ConnId> = self.clients.iter().flatten().map(|client| client.conn).collect();
        for conn in clients {
            let config = self.config.session.clone();
            let renew_at = renews.then(|| now + RENEW_WITHIN * (conn.slot % RENEW_STEPS) / RENEW_STEPS);
            self.with_session(conn, now, out, |session, outputs| {
                session.handle_config(&config, renew_at, now, outputs)
            });
        }
        self.settle(now, out);
    }

    /// Asks the feed's home what it is of.
    pub(crate) fn ask_topic(&mut self, conn: ConnId, feed: FeedId) {
        let Some(format) = self.client(conn).map(|client| client.format) else { return };
        self.send(self.home_of_feed(feed), feed, format, Mail::AskTopic { conn, feed, format }, 0);
    }

    pub(crate) fn handle_topic(&mut self, conn: ConnId, feed: FeedId, topic: &Topic, now: Time, out: &mut Vec<Output>) {
        self.with_session(conn, now, out, |session, outputs| session.handle_topic(feed, topic, outputs));
    }

    /// Ends a feed for one client alone, and tells it why.
    pub(crate) fn forbid(&mut self, conn: ConnId, feed: FeedId, error: Error, now: Time, out: &mut Vec<Output>) {
        let Some(format) = self.client(conn).map(|client| client.format) else { return };
        if !self.hub.unsubscribe(conn, feed, format) {
            return;
        }
        self.leave(feed, format);
        let mut frame = Vec::new();
        match wire::encode_event(format, feed, &FeedEvent::Closed(error), &mut frame) {
            Encoded::Frame => self.hub.send(conn, frame.into()),
            Encoded::Close(code) => self.close(conn, code, now, out),
            Encoded::Nothing => {}
        }
    }

    /// Calls a client's session, and carries out what it wants.
    fn with_session(
        &mut self,
        conn: ConnId,
        now: Time,
        out: &mut Vec<Output>,
        call: impl FnOnce(&mut session::Session, &mut Vec<session::Output>),
    ) {
        let mut outputs = std::mem::take(&mut self.session_outputs);
        if let Some(client) = self.client_mut(conn).filter(|client| !client.is_closing) {
            call(&mut client.session, &mut outputs);
        }
        for output in outputs.drain(..) {
            self.handle_session(conn, output, now, out);
        }
        self.session_outputs = outputs;
    }
}
