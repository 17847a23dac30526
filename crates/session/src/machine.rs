//! The machine of one client connection: what it may have under way, what it has open, who it is.
//!
//! A request is answered at once, or it becomes an output that somebody else answers; until then its id is taken. The
//! machine keeps nothing about feeds but their numbers. It is small, since most connections do nothing: two requests under
//! way and two feeds fit without a heap allocation.

use crate::acl::{DenyCommands, Rules};
use crate::authorise::{Authorised, authorise};
use crate::query::query;
use crate::rate::Rate;
use crate::shared;
use bytes::Bytes;
use model::command::CommandTable;
use model::error::{BADREQUEST, ERR, NOAUTH, NOFEED, TOOMANY};
use model::feed::Tag;
use model::request::From;
use model::{Args, CloseCode, Error, FeedId, FeedKey, Limits, Pace, Request, Response, Time, Topic, Verb};
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What all sessions of a lane have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// The limits; of these, the session holds `feeds_max`, `requests_in_flight_max`, `requests_per_second_max`,
    /// `requests_burst_max`, `batch_max` and `auth_timeout_ms`.
    pub limits: Limits,
    /// The commands that rules and requests can name: as a rule all of [`CommandTable::redis`], so that rules mean the same
    /// whatever the backend has, which says itself what it does not know. The verbs `subscribe`, `psubscribe` and
    /// `follow` are held to the entries of `SUBSCRIBE`, `PSUBSCRIBE` and `XREAD`, so it must have these.
    pub table: Arc<CommandTable>,
    /// The rules of clients without a token, made for `table`.
    pub anonymous: Rc<Rules>,
    /// What clients without a token are called, if they may do anything.
    pub anonymous_user: Rc<str>,
    /// What nobody may do, made for `table`.
    pub deny: DenyCommands,
}

/// What a session wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Send this to the client.
    Answer(Response),
    /// Run a command; then `handle_answered`.
    Command {
        /// The request's; `None`: the client wants no answer.
        id: Option<u64>,
        /// The command.
        command: Args,
    },
    /// Run commands as one MULTI/EXEC; then `handle_answered`.
    Transaction {
        /// The request's.
        id: u64,
        /// The commands.
        commands: Vec<Args>,
    },
    /// Open a feed; then `handle_opened` or `handle_refused`.
    Open {
        /// The request's.
        id: u64,
        /// Which feed.
        key: FeedKey,
        /// The tag of the value that the client still shows (queries).
        have: Option<Tag>,
        /// Where to begin (streams only, and always).
        from: Option<From>,
        /// The client may have written before: the value shown must be read after that.
        fresh: bool,
    },
    /// Send no more of this feed, and answer the request with `OK`. The session has already forgotten both.
    CloseFeed {
        /// The request's.
        id: u64,
        /// Which feed.
        feed: FeedId,
    },
    /// Close the connection.
    End(CloseCode),
}

/// Whether an opened feed is one that this connection had open already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Joined {
    /// It was not: frames begin.
    New,
    /// It was: its one stream of frames goes on.
    Already,
    /// It was not, and would be one too many: the request is answered by this error.
    Over(Error),
}

/// One client connection.
#[derive(Debug)]
pub struct Session {
    config: Rc<Config>,
    rate: Rate,
    /// When a connection that may do nothing is ended.
    auth_deadline: Option<Time>,
    /// The ids of requests that are not answered yet.
    ids: SmallVec<[u64; 2]>,
    /// The open feeds, in order.
    feeds: SmallVec<[FeedId; 2]>,
    /// How many of `ids` are openings.
    opening: u32,
    /// How many commands without an id are under way.
    unanswered: u32,
    /// A command that may write was sent.
    wrote: bool,
}

impl Session {
    /// The session of a connection that was just accepted, without a token.
    pub fn new(config: &Rc<Config>, now: Time) -> Session {
        let may_nothing = config.anonymous.allow_nothing();
        let deadline = || now + Duration::from_millis(config.limits.auth_timeout_ms);
        Session {
            config: config.clone(),
            rate: Rate::default(),
            auth_deadline: may_nothing.then(deadline),
            ids: SmallVec::new(),
            feeds: SmallVec::new(),
            opening: 0,
            unanswered: 0,
            wrote: false,
        }
    }

    /// Who the client is; `None`: nobody, it may only `auth` and `ping`.
    pub fn user(&self) -> Option<&Rc<str>> {
        (!self.rules().allow_nothing()).then_some(&self.config.anonymous_user)
    }

    /// The rules the client is under.
    pub fn rules(&self) -> &Rules {
        &self.config.anonymous
    }

    /// Takes a request. Every one with an id gets one answer in the end, by `out` or by who carries `out` out. A command
    /// without an id is answered only if it is refused here, by an error without an id.
    pub fn handle_request(&mut self, request: Request, now: Time, out: &mut Vec<Output>) {
        let id = request.id;
        if let Err(error) = self.accept(request, now, out) {
            out.push(Output::Answer(Response::Error { id, error }));
        }
    }

    /// What came is no request: it counts as one all the same.
    ///
    /// # Errors
    /// `TOOMANY` over `requests_per_second_max`.
    pub fn handle_rejected(&mut self, now: Time) -> Result<(), Error> {
        self.take_rate(now)
    }

    fn take_rate(&mut self, now: Time) -> Result<(), Error> {
        if self.rate.take(&self.config.limits, now) {
            return Ok(());
        }
        let most = self.config.limits.requests_per_second_max;
        Err(Error::new(TOOMANY, format!("over requests_per_second_max, which is {most}")))
    }

    /// A command or transaction was answered, or, without an id, carried out.
    pub fn handle_answered(&mut self, id: Option<u64>) {
        match id {
            Some(id) => {
                self.release(id);
            }
            None => self.unanswered = self.unanswered.saturating_sub(1),
        }
    }

    /// A feed is open now: what becomes of the request.
    pub fn handle_opened(&mut self, id: u64, feed: FeedId) -> Joined {
        self.handle_refused(id);
        match self.feeds.binary_search(&feed) {
            Ok(_) => Joined::Already,
            Err(_) if self.feeds.len() >= self.config.limits.feeds_max => Joined::Over(self.too_many_feeds()),
            Err(place) => {
                self.feeds.insert(place, feed);
                Joined::New
            }
        }
    }

    /// A feed was not opened, and the request was answered by an error.
    pub fn handle_refused(&mut self, id: u64) {
        if self.release(id) {
            self.opening = self.opening.saturating_sub(1);
        }
    }

    /// The server ended a feed.
    pub fn handle_feed_closed(&mut self, feed: FeedId) {
        self.forget(feed);
    }

    /// When `handle_timeout` wants to be called.
    pub fn next_timeout(&self) -> Option<Time> {
        self.auth_deadline
    }

    /// Ends a connection that may do nothing and has not changed that in time.
    pub fn handle_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.auth_deadline.is_some_and(|deadline| deadline <= now) {
            self.auth_deadline = None;
            out.push(Output::End(CloseCode::AuthTimeout));
        }
    }

    /// Whether the client's next request may be read: fewer than `requests_in_flight_max` (at least one) are under way.
    pub fn wants_input(&self) -> bool {
        self.under_way() < self.config.limits.requests_in_flight_max.max(1)
    }

    /// How many requests are not answered yet.
    pub fn under_way(&self) -> usize {
        self.ids.len() + self.unanswered as usize
    }

    /// The open feeds, in order.
    pub fn feeds(&self) -> impl Iterator<Item = FeedId> {
        self.feeds.iter().copied()
    }

    fn accept(&mut self, request: Request, now: Time, out: &mut Vec<Output>) -> Result<(), Error> {
        self.take_rate(now)?;
        if request.id.is_some_and(|id| self.ids.contains(&id)) {
            return Err(Error::new(BADREQUEST, "the id is in use: a request that has it is not answered yet"));
        }
        if self.user().is_none() && !matches!(request.verb, Verb::Auth(_) | Verb::Ping(_)) {
            return Err(Error::new(NOAUTH, "a token is needed: use the verb `auth`"));
        }
        match (request.verb, request.id) {
            (Verb::Command(command), id) => self.command(id, command, out),
            (_, None) => Err(Error::new(BADREQUEST, "an id is needed: only a command can do without")),
            (Verb::Commands(commands), Some(id)) => self.commands(id, commands, out),
            (Verb::Live { command, every_ms, json, have }, Some(id)) => {
                let authorised = self.authorise(&command)?;
                let (query, pace) = query(&authorised, &command, every_ms, &self.config.limits)?;
                self.open(id, FeedKey { topic: Topic::Query(query), json, pace }, have, None, out)
            }
            (Verb::Subscribe(channel), Some(id)) => {
                self.authorise(&[Bytes::from_static(b"SUBSCRIBE"), channel.clone()])?;
                self.open(id, plain(Topic::Channel(owned(&channel))), None, None, out)
            }
            (Verb::Psubscribe(pattern), Some(id)) => {
                self.authorise(&[Bytes::from_static(b"PSUBSCRIBE"), pattern.clone()])?;
                self.open(id, plain(Topic::Pattern(owned(&pattern))), None, None, out)
            }
            (Verb::Follow { stream, from }, Some(id)) => {
                let words = ["XREAD", "STREAMS"].map(|word| Bytes::from_static(word.as_bytes()));
                let [xread, streams] = words;
                self.authorise(&[xread, streams, stream.clone(), Bytes::from_static(b"$")])?;
                self.open(id, plain(Topic::Stream(owned(&stream))), None, Some(from), out)
            }
            (Verb::Close(feed), Some(id)) => self.close(id, feed, out),
            (Verb::Auth(_), Some(_)) => Err(Error::new(NOAUTH, "this server has no keys to check tokens with")),
            (Verb::Ping(json), Some(id)) => {
                out.push(Output::Answer(Response::Pong { id, json }));
                Ok(())
            }
        }
    }

    fn authorise(&self, command: &[Bytes]) -> Result<Authorised<'_>, Error> {
        authorise(&self.config.table, self.rules(), &self.config.deny, command)
    }

    /// Whether a command may be run on a connection that all share; if so, whether it may write. That another verb is
    /// the right one is said even to clients that may not run the command.
    fn check(&self, command: &[Bytes]) -> Result<bool, Error> {
        let authorised = self.authorise(command);
        let spec = authorised.as_ref().ok().map(|authorised| authorised.spec);
        if let Some(spec) = spec.or_else(|| self.config.table.find(command)) {
            shared::refuse(spec, command)?;
        }
        authorised.map(|authorised| authorised.spec.may_write())
    }

    fn command(&mut self, id: Option<u64>, command: Args, out: &mut Vec<Output>) -> Result<(), Error> {
        self.wrote |= self.check(&command)?;
        match id {
            Some(id) => self.ids.push(id),
            None => self.unanswered += 1,
        }
        out.push(Output::Command { id, command });
        Ok(())
    }

    /// All or nothing: one command that is refused refuses all.
    fn commands(&mut self, id: u64, commands: Vec<Args>, out: &mut Vec<Output>) -> Result<(), Error> {
        let most = self.config.limits.batch_max;
        if commands.len() > most {
            return Err(Error::new(TOOMANY, format!("over batch_max, which is {most} commands")));
        }
        let mut writes = false;
        for command in &commands {
            writes |= self.check(command).map_err(aborted)?;
        }
        self.wrote |= writes;
        self.ids.push(id);
        out.push(Output::Transaction { id, commands });
        Ok(())
    }

    fn open(
        &mut self,
        id: u64,
        key: FeedKey,
        have: Option<Tag>,
        from: Option<From>,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        // One more than may be open may be opening: it may turn out to be one that is open already.
        if self.feeds.len() + self.opening as usize > self.config.limits.feeds_max {
            return Err(self.too_many_feeds());
        }
        self.opening += 1;
        self.ids.push(id);
        out.push(Output::Open { id, key, have, from, fresh: self.wrote });
        Ok(())
    }

    fn too_many_feeds(&self) -> Error {
        Error::new(TOOMANY, format!("over feeds_max, which is {}", self.config.limits.feeds_max))
    }

    fn close(&mut self, id: u64, feed: FeedId, out: &mut Vec<Output>) -> Result<(), Error> {
        if !self.forget(feed) {
            return Err(Error::new(NOFEED, format!("feed {feed} is not open on this connection")));
        }
        out.push(Output::CloseFeed { id, feed });
        Ok(())
    }

    /// Whether the id was taken; it no longer is.
    fn release(&mut self, id: u64) -> bool {
        let place = self.ids.iter().position(|&taken| taken == id);
        if let Some(place) = place {
            self.ids.swap_remove(place);
        }
        give_back(&mut self.ids);
        place.is_some()
    }

    fn forget(&mut self, feed: FeedId) -> bool {
        let place = self.feeds.binary_search(&feed);
        if let Ok(place) = place {
            self.feeds.remove(place);
        }
        give_back(&mut self.feeds);
        place.is_ok()
    }
}

/// A feed without the options of queries.
fn plain(topic: Topic) -> FeedKey {
    FeedKey { topic, json: false, pace: Pace::at_least(0) }
}

/// A name that does not hold on to the message it came in.
fn owned(name: &Bytes) -> Bytes {
    Bytes::copy_from_slice(name)
}

/// In a transaction, a command that Redis would not queue aborts it.
fn aborted(error: Error) -> Error {
    match error.code.as_ref() {
        ERR => Error::new("EXECABORT", format!("Transaction discarded because of previous errors: {}", error.message)),
        _ => error,
    }
}

/// The memory of a list that has become empty.
fn give_back<T>(list: &mut SmallVec<[T; 2]>)
where
    [T; 2]: smallvec::Array<Item = T>,
{
    if list.is_empty() && list.spilled() {
        *list = SmallVec::new();
    }
}
