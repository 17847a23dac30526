//! The machine of one client connection: what it may have under way, what it has open, who it is.
//!
//! A request is answered at once, or it becomes an output that somebody else answers; until then its id is taken. The
//! machine keeps nothing about feeds but their numbers. It is small, since most connections do nothing: two requests under
//! way and two feeds fit without a heap allocation.

use crate::grant::Grant;
use crate::known::Known;
use crate::named::{self, Caller, NamedQueries};
use crate::query::{normalised, query};
use crate::rate::{Allowance, Rate};
use crate::revoked::Revoked;
use crate::shared;
use acl::{Authorised, Claims, DenyCommands, Rules, Usage, authorise_for};
use bytes::Bytes;
use model::command::{CommandSpec, CommandTable};
use model::error::{BADREQUEST, ERR, NOAUTH, NOFEED, TOOMANY};
use model::feed::Tag;
use model::request::From;
use model::topic::Query;
use model::{Args, CloseCode, Error, FeedId, FeedKey, Limits, Pace, Request, Response, Time, Topic, Value, Verb};
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
    /// Somebody can check tokens: without, the verb `auth` is refused.
    pub tokens: bool,
    /// The settings' named queries, made for `table`.
    pub queries: Rc<NamedQueries>,
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
        /// Its reply may be as large as what it reads.
        large: bool,
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
    /// Find out who the token belongs to; then `handle_authenticated`. Nothing is taken from the client until then.
    Authenticate {
        /// The request's.
        id: u64,
        /// The token.
        token: String,
    },
    /// The client's rules are others now: `handle_topic` for each of its feeds.
    Recheck,
    /// Send no more of this feed, and tell the client why. The session has already forgotten it.
    Forbid {
        /// Which feed.
        feed: FeedId,
        /// Why.
        error: Error,
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

/// Which limit a request was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateLimit {
    /// `requests_per_second_max`
    Connection,
    /// `user_requests_per_second_max`
    User,
}

impl RateLimit {
    /// Both.
    pub const ALL: [RateLimit; 2] = [RateLimit::Connection, RateLimit::User];

    /// The limit's name.
    pub fn name(self) -> &'static str {
        match self {
            RateLimit::Connection => "requests_per_second_max",
            RateLimit::User => "user_requests_per_second_max",
        }
    }
}

/// One client connection.
#[derive(Debug)]
pub struct Session {
    config: Rc<Config>,
    rate: Rate,
    /// The limit that the last request was over, until somebody asks.
    over_rate: Option<RateLimit>,
    /// When the connection is ended: it may do nothing and has to say who it is, or what it may do ends. `NEVER`: not.
    deadline: Time,
    /// Who the client is, if that was asked for.
    known: Option<Box<Known>>,
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
    /// A token is being looked at.
    authenticating: bool,
    /// Of the feeds that are opening, some were allowed by rules that hold no more.
    opening_by_old_rules: bool,
    /// The feed opened last is one of those.
    opened_by_old_rules: bool,
}

/// No deadline.
const NEVER: Time = Time(u64::MAX);

impl Session {
    /// The session of a connection that was just accepted, without a token.
    pub fn new(config: &Rc<Config>, now: Time) -> Session {
        Session::of(config, None, now)
    }

    /// The session of a connection that was just accepted; with what its token gives, if it has one.
    pub fn of(config: &Rc<Config>, grant: Option<Grant>, now: Time) -> Session {
        let may_nothing = grant.is_none() && config.anonymous.allow_nothing();
        let auth_deadline = may_nothing.then(|| now + Duration::from_millis(config.limits.auth_timeout_ms));
        Session {
            config: config.clone(),
            rate: Rate::default(),
            over_rate: None,
            deadline: grant.as_ref().and_then(|grant| grant.ends).or(auth_deadline).unwrap_or(NEVER),
            known: grant.map(|grant| Box::new(Known::of(grant))),
            ids: SmallVec::new(),
            feeds: SmallVec::new(),
            opening: 0,
            unanswered: 0,
            wrote: false,
            authenticating: false,
            opening_by_old_rules: false,
            opened_by_old_rules: false,
        }
    }

    /// What all clients without a token may ask together that come from where this one does.
    pub fn share(&mut self, allowance: Option<Allowance>) {
        self.known.get_or_insert_default().allowance = allowance;
    }

    /// The limit that the last request was over, if it was.
    pub fn take_over_rate(&mut self) -> Option<RateLimit> {
        self.over_rate.take()
    }

    /// Who the client is; `None`: nobody, it may only `auth` and `ping`.
    pub fn user(&self) -> Option<&Rc<str>> {
        match self.grant() {
            Some(grant) => Some(&grant.user),
            None => (!self.config.anonymous.allow_nothing()).then_some(&self.config.anonymous_user),
        }
    }

    /// When what the client may do ends, in seconds since 1970.
    pub fn expires(&self) -> Option<u64> {
        self.grant()?.expires
    }

    /// The rules the client is under.
    pub fn rules(&self) -> &Rules {
        self.grant().map_or(&self.config.anonymous, |grant| &grant.rules)
    }

    /// Whether what the client was given is revoked.
    pub fn is_revoked(&self, revoked: &Revoked) -> bool {
        self.grant().is_some_and(|grant| revoked.covers(grant))
    }

    fn allowance(&self) -> Option<&Allowance> {
        let known = self.known.as_ref()?;
        known.grant.as_ref().map_or(&known.allowance, |grant| &grant.allowance).as_ref()
    }

    fn grant(&self) -> Option<&Grant> {
        self.known.as_ref()?.grant.as_ref()
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
    /// `TOOMANY` over `requests_per_second_max` or `user_requests_per_second_max`.
    pub fn handle_rejected(&mut self, now: Time) -> Result<(), Error> {
        self.take_rate(now)
    }

    fn take_rate(&mut self, now: Time) -> Result<(), Error> {
        let limits = &self.config.limits;
        let user_may = || self.allowance().is_none_or(|allowance| allowance.take(limits, now));
        let mut rate = self.rate;
        let (by, most) = match rate.take(limits, now) {
            false => (RateLimit::Connection, limits.requests_per_second_max),
            true if !user_may() => (RateLimit::User, limits.user_requests_per_second_max),
            true => {
                self.rate = rate;
                return Ok(());
            }
        };
        self.over_rate = Some(by);
        Err(Error::new(TOOMANY, format!("over {}, which is {most}", by.name())))
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
        let call = self.known.as_mut().and_then(|known| known.opened(id));
        self.opened_by_old_rules = self.opening_by_old_rules;
        self.handle_refused(id);
        let joined = match self.feeds.binary_search(&feed) {
            Ok(_) => Joined::Already,
            Err(_) if self.feeds.len() >= self.config.limits.feeds_max => return Joined::Over(self.too_many_feeds()),
            Err(place) => {
                self.feeds.insert(place, feed);
                Joined::New
            }
        };
        if let (Some(known), Some(call)) = (&mut self.known, call) {
            known.hold(feed, call);
        }
        joined
    }

    /// Whether `handle_topic` is wanted for the feed opened last.
    pub fn wants_recheck(&self) -> bool {
        self.opened_by_old_rules
    }

    /// A feed was not opened, and the request was answered by an error.
    pub fn handle_refused(&mut self, id: u64) {
        if self.release(id) {
            self.opening = self.opening.saturating_sub(1);
            self.opening_by_old_rules &= self.opening > 0;
        }
        if let Some(known) = &mut self.known {
            known.opened(id);
        }
    }

    /// The token of an `auth` was looked at. What the client may do from now on is what it gives, or stays as it was.
    pub fn handle_authenticated(&mut self, id: u64, result: Result<Grant, Error>, out: &mut Vec<Output>) {
        self.release(id);
        self.authenticating = false;
        let grant = match result {
            Ok(grant) => grant,
            Err(error) => return out.push(Output::Answer(Response::Error { id: Some(id), error })),
        };
        out.push(Output::Answer(Response::Result { id, value: shown(&grant) }));
        self.deadline = grant.ends.unwrap_or(NEVER);
        match &mut self.known {
            Some(known) => known.grant = Some(grant),
            None => self.known = Some(Box::new(Known::of(grant))),
        }
        self.opening_by_old_rules = self.opening > 0;
        out.push(Output::Recheck);
    }

    /// The settings are others now, and so are the rules of who has no token, what is denied to everybody, and what names of
    /// queries stand for. What a token gave before is not as it would be now if `renew_at` is said: the client is told to
    /// come again with a token (4201) at that time at the latest.
    pub fn handle_config(&mut self, config: &Rc<Config>, renew_at: Option<Time>, now: Time, out: &mut Vec<Output>) {
        self.config = config.clone();
        match (self.grant().map(|grant| grant.generation), renew_at) {
            (Some(Grant::ALWAYS), _) => return,
            (Some(_), Some(at)) => self.deadline = self.deadline.min(at),
            (Some(_), None) => {}
            (None, _) if !config.anonymous.allow_nothing() => self.deadline = NEVER,
            (None, _) => {
                let at = now + Duration::from_millis(config.limits.auth_timeout_ms);
                self.deadline = self.deadline.min(at);
            }
        }
        self.opening_by_old_rules = self.opening > 0;
        out.push(Output::Recheck);
    }

    /// What a feed of this client is, now that its rules are others: it goes on if it is allowed still.
    pub fn handle_topic(&mut self, feed: FeedId, topic: &Topic, out: &mut Vec<Output>) {
        if self.feeds.binary_search(&feed).is_err() {
            return;
        }
        if let Err(error) = self.still_allowed(feed, topic) {
            self.forget(feed);
            out.push(Output::Forbid { feed, error });
        }
    }

    fn still_allowed(&self, feed: FeedId, topic: &Topic) -> Result<(), Error> {
        let allowed = match topic {
            Topic::Query(query) => self.authorise(Usage::Feed, &query.command).map(drop),
            Topic::Channel(name) => self.may_subscribe(name),
            Topic::Pattern(name) => self.may_psubscribe(name),
            Topic::Stream(name) => self.may_follow(name),
        };
        match topic {
            Topic::Query(query) if allowed.is_err() && self.is_called(feed, query) => Ok(()),
            _ => allowed,
        }
    }

    /// Whether the feed was opened by a name that stands for it still.
    fn is_called(&self, feed: FeedId, query: &Query) -> bool {
        let mut calls = self.known.iter().flat_map(|known| known.calls_of(feed));
        calls.any(|call| {
            let resolved = self.resolve(Usage::Feed, call.clone());
            resolved.is_ok_and(|r| normalised(r.authorised.spec, &r.command) == query.command)
        })
    }

    /// The server ended a feed.
    pub fn handle_feed_closed(&mut self, feed: FeedId) {
        self.forget(feed);
    }

    /// When `handle_timeout` wants to be called.
    pub fn next_timeout(&self) -> Option<Time> {
        (self.deadline != NEVER).then_some(self.deadline)
    }

    /// Ends a connection that may do nothing and has not changed that in time, or whose time is over.
    pub fn handle_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.deadline <= now {
            self.deadline = NEVER;
            let had_token = self.grant().is_some();
            out.push(Output::End(if had_token { CloseCode::TokenExpired } else { CloseCode::AuthTimeout }));
        }
    }

    /// Whether the client's next request may be read: fewer than `requests_in_flight_max` (at least one) are under way, and
    /// no `auth`, since what comes behind one is meant to be under the new rules.
    pub fn wants_input(&self) -> bool {
        !self.authenticating && self.under_way() < self.config.limits.requests_in_flight_max.max(1)
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
                let call = named::is_call(&command).then(|| own_memory(&command));
                let resolved = self.resolve(Usage::Feed, command)?;
                let (query, pace) = query(&resolved.authorised, &resolved.command, every_ms, &self.config.limits)?;
                self.open(id, FeedKey { topic: Topic::Query(query), json, pace }, have, None, out)?;
                if let Some(call) = call {
                    self.known.get_or_insert_default().opening(id, call);
                }
                Ok(())
            }
            (Verb::Subscribe(channel), Some(id)) => {
                self.may_subscribe(&channel)?;
                self.open(id, plain(Topic::Channel(owned(&channel))), None, None, out)
            }
            (Verb::Psubscribe(pattern), Some(id)) => {
                self.may_psubscribe(&pattern)?;
                self.open(id, plain(Topic::Pattern(owned(&pattern))), None, None, out)
            }
            (Verb::Follow { stream, from }, Some(id)) => {
                self.may_follow(&stream)?;
                self.open(id, plain(Topic::Stream(owned(&stream))), None, Some(from), out)
            }
            (Verb::Close(feed), Some(id)) => self.close(id, feed, out),
            (Verb::Auth(token), Some(id)) => self.auth(id, token, out),
            (Verb::Ping(json), Some(id)) => {
                out.push(Output::Answer(Response::Pong { id, json }));
                Ok(())
            }
        }
    }

    fn auth(&mut self, id: u64, token: String, out: &mut Vec<Output>) -> Result<(), Error> {
        if !self.config.tokens {
            return Err(Error::new(NOAUTH, "this server has no keys to check tokens with"));
        }
        self.ids.push(id);
        self.authenticating = true;
        out.push(Output::Authenticate { id, token });
        Ok(())
    }

    fn authorise(&self, usage: Usage, command: &[Bytes]) -> Result<Authorised<'_>, Error> {
        authorise_for(usage, &self.config.table, self.rules(), &self.config.deny, command)
    }

    fn may_subscribe(&self, channel: &Bytes) -> Result<(), Error> {
        self.authorise(Usage::Feed, &[Bytes::from_static(b"SUBSCRIBE"), channel.clone()]).map(drop)
    }

    fn may_psubscribe(&self, pattern: &Bytes) -> Result<(), Error> {
        self.authorise(Usage::Feed, &[Bytes::from_static(b"PSUBSCRIBE"), pattern.clone()]).map(drop)
    }

    fn may_follow(&self, stream: &Bytes) -> Result<(), Error> {
        let [xread, streams, end] = ["XREAD", "STREAMS", "$"].map(|word| Bytes::from_static(word.as_bytes()));
        self.authorise(Usage::Feed, &[xread, streams, stream.clone(), end]).map(drop)
    }

    /// The command that the client means, which it may use so: what it sent, or what a named query stands for.
    fn resolve(&self, usage: Usage, command: Args) -> Result<Resolved<'_>, Error> {
        if !named::is_call(&command) {
            let authorised = self.authorise(usage, &command)?;
            return Ok(Resolved { command, authorised });
        }
        let nothing = Claims::default();
        let claims = self.grant().map_or(&nothing, |grant| &grant.claims);
        let Config { table, deny, queries, .. } = &*self.config;
        let called = queries.call(&command, &Caller { rules: self.rules(), claims, usage }, table, deny)?;
        Ok(Resolved { command: called.command, authorised: called.authorised })
    }

    /// The command to be run on a connection that all share, and what it is. That another verb is the right one is said even
    /// to clients that may not run the command.
    fn check(&self, command: Args) -> Result<(Args, &CommandSpec), Error> {
        let words = command.clone();
        let resolved = self.resolve(Usage::Command, command);
        let (spec, words) = match &resolved {
            Ok(resolved) => (Some(resolved.authorised.spec), &resolved.command),
            Err(_) => (self.config.table.find(&words), &words),
        };
        if let Some(spec) = spec {
            shared::refuse(spec, words)?;
        }
        resolved.map(|resolved| (resolved.command, resolved.authorised.spec))
    }

    fn command(&mut self, id: Option<u64>, command: Args, out: &mut Vec<Output>) -> Result<(), Error> {
        let (command, spec) = self.check(command)?;
        let (writes, large) = (spec.may_write(), spec.may_answer_much());
        self.wrote |= writes;
        match id {
            Some(id) => self.ids.push(id),
            None => self.unanswered += 1,
        }
        out.push(Output::Command { id, command, large });
        Ok(())
    }

    /// All or nothing: one command that is refused refuses all.
    fn commands(&mut self, id: u64, mut commands: Vec<Args>, out: &mut Vec<Output>) -> Result<(), Error> {
        let most = self.config.limits.batch_max;
        if commands.len() > most {
            return Err(Error::new(TOOMANY, format!("over batch_max, which is {most} commands")));
        }
        let mut writes = false;
        for command in &mut commands {
            let (meant, spec) = self.check(command.clone()).map_err(aborted)?;
            writes |= spec.may_write();
            *command = meant;
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
        if let Some(known) = &mut self.known {
            known.forget(feed);
        }
        let place = self.feeds.binary_search(&feed);
        if let Ok(place) = place {
            self.feeds.remove(place);
        }
        give_back(&mut self.feeds);
        place.is_ok()
    }
}

/// A command that may be used.
struct Resolved<'t> {
    command: Args,
    authorised: Authorised<'t>,
}

/// What the client is told of what it may do now.
fn shown(grant: &Grant) -> Value {
    let expires = grant.expires.and_then(|at| i64::try_from(at).ok()).map_or(Value::Null, Value::Int);
    let user = Value::Str(Bytes::copy_from_slice(grant.user.as_bytes()));
    Value::Object(vec![(Bytes::from_static(b"user"), user), (Bytes::from_static(b"expires"), expires)])
}

/// A feed without the options of queries.
fn plain(topic: Topic) -> FeedKey {
    FeedKey { topic, json: false, pace: Pace::at_least(0) }
}

/// A name that does not hold on to the message it came in.
fn owned(name: &Bytes) -> Bytes {
    Bytes::copy_from_slice(name)
}

/// Words that do not hold on to the message they came in.
fn own_memory(words: &Args) -> Args {
    words.iter().map(owned).collect()
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
