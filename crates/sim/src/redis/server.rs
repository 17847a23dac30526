//! The simulated Redis: the store's commands, and around them what `redis-facts` says of a server with connections.
//!
//! * Tracking (default mode): a key is remembered for a connection when a read-only command names it, missing or not, by
//!   its name alone. The first change after that is pushed once, directly behind the reply of the command that made it
//!   where the connection made it itself. A flush pushes null and empties the table. Of an ended connection the entries
//!   stay. A key that is due and asked for ends then: the reply comes first, and the key is remembered again.
//! * Keys that nobody asks for end late, or are never told of.
//! * The table may be small: then it forgets other keys, which are pushed though nobody wrote them.
//! * Channels and patterns; while the data are loaded, whatever needs them answers `LOADING`.

use super::link::{Accepted, Link};
use super::session::Session;
use crate::backend::Env;
use crate::checks::Check;
use crate::data::{Data, line};
use crate::faults::Fault;
use crate::history::resp_bytes;
use crate::plan::{Expiry, RedisPlan};
use crate::usage::Usages;
use crate::world::Job;
use bytes::Bytes;
use model::backend::ChannelName;
use model::command::{CommandTable, Flags};
use model::{Args, Reply};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Change, Published};
use upstream::{LinkId, Role};
use wire::resp::Protocol;

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// What the server is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// It serves.
    Up,
    /// It is stopped: the kernel takes bytes, nobody reads them.
    Frozen,
    /// It is not there.
    Down,
}

/// The server and all connections to it.
pub(super) struct Server {
    pub links: BTreeMap<LinkId, Link>,
    pub state: State,
    /// It loads its data: connections stand, data are not served.
    pub is_loading: bool,
    /// Packets from and to the gateway arrive.
    pub is_reachable: bool,
    /// Keys that nobody asks for are removed when they end.
    pub expires: bool,
    /// Bytes take at most so long, in microseconds, as a rule.
    pub link_delay: u64,
    pub value_bytes_max: usize,
    /// How often it has begun to load data.
    pub restarts: u64,
    /// Connections that tracked and are over, for the gateway: what they owed may be asked again.
    pub lost: u64,
    table_max: usize,
    /// By the name of a key: who read it.
    tracked: BTreeMap<Bytes, BTreeSet<LinkId>>,
    commands: Arc<CommandTable>,
}

/// Commands of one connection that are carried out at once.
struct Batch<'a> {
    commands: &'a [Args],
    /// The keys of those that only read.
    read: Vec<Bytes>,
    is_transaction: bool,
}

impl Server {
    pub fn new(plan: &RedisPlan) -> Server {
        Server {
            links: BTreeMap::new(),
            state: State::Up,
            is_loading: false,
            is_reachable: true,
            expires: plan.expiry != Expiry::Never,
            link_delay: plan.link_delay,
            value_bytes_max: plan.value_bytes_max,
            restarts: 0,
            lost: 0,
            table_max: plan.table_max,
            tracked: BTreeMap::new(),
            commands: CommandTable::redis(),
        }
    }

    /// Whether whoever reaches it is served.
    pub fn serves(&self) -> bool {
        self.state == State::Up && !self.is_loading
    }

    /// How many subscriptions it has of connections that the gateway knows of.
    pub fn subscriptions(&self) -> u64 {
        let of_link = |link: &Link| link.session.as_ref().map_or(0, |session| session.channels.len());
        self.links.values().filter(|link| link.is_here && !link.is_lost).map(|link| of_link(link) as u64).sum()
    }

    // ---- connections ----

    /// Whether the attempt succeeds.
    pub fn accept(&mut self, id: LinkId, env: &mut Env<'_>) -> Accepted {
        let Some(link) = self.links.get_mut(&id) else { return Accepted::Gone };
        if !link.is_here {
            self.links.remove(&id);
            return Accepted::Gone;
        }
        if !self.is_reachable {
            return Accepted::Later;
        }
        if self.state == State::Down {
            return Accepted::No("connection refused");
        }
        if !env.is_settling && env.rng.u8(0..30) == 0 {
            return Accepted::No("connection reset");
        }
        link.is_accepted = true;
        link.session = Some(Session::new());
        Accepted::Yes
    }

    /// The gateway sends something, or gave a connection up.
    pub fn plan_up(&mut self, id: LinkId, env: &mut Env<'_>) {
        let can = self.is_reachable && self.state != State::Frozen;
        let Some(link) = self.links.get_mut(&id) else { return };
        if can && link.rises() && !link.is_rising && !link.is_lost {
            link.is_rising = true;
            let at = env.soon(self.link_delay);
            env.later.push((at, Job::Redis(super::Step::Up(id))));
        }
    }

    /// What the server sent goes on its way.
    pub fn send(&mut self, env: &mut Env<'_>) {
        if !self.is_reachable {
            return;
        }
        for (id, link) in &mut self.links {
            if link.falls() && !link.is_falling && !link.is_lost {
                link.is_falling = true;
                let at = env.soon(self.link_delay);
                env.later.push((at, Job::Redis(super::Step::Down(*id))));
            }
        }
    }

    /// What was held up goes on.
    pub fn wake_all(&mut self, env: &mut Env<'_>) {
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        ids.into_iter().for_each(|id| self.plan_up(id, env));
        self.send(env);
    }

    /// What has reached the gateway, and why the connection is over; none where nothing arrives.
    pub fn take_arrived(
        &mut self,
        id: LinkId,
        env: &mut Env<'_>,
    ) -> Option<(Vec<model::reply::Frame>, Option<String>)> {
        let link = self.links.get_mut(&id)?;
        link.is_falling = false;
        if !link.is_here || link.is_lost || !self.is_reachable {
            return None;
        }
        Some(link.take_down(env.rng))
    }

    /// The gateway gives a connection up.
    pub fn hang_up(&mut self, id: LinkId, env: &mut Env<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.give_up(env.rng);
        self.lost += u64::from(link.role == Role::Tracking);
        if link.is_accepted && link.session.is_none() {
            self.links.remove(&id);
        } else {
            self.plan_up(id, env);
        }
    }

    /// The gateway knows that the connection is over.
    pub fn forget(&mut self, id: LinkId, data: &mut Data) {
        let Some(link) = self.links.remove(&id) else { return };
        self.lost += u64::from(link.role == Role::Tracking);
        end_session(link.session, data);
    }

    /// The server ends a connection, or both ends are told that it is over.
    pub fn cut(&mut self, id: LinkId, data: &mut Data, env: &mut Env<'_>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.session.is_some()) else { return };
        env.trace.line(env.now, || format!("{} is cut", id.0));
        let session = link.end(env.rng);
        if !link.is_here {
            self.links.remove(&id);
        }
        end_session(session, data);
    }

    /// Bytes have reached the server.
    pub fn bytes_arrive(&mut self, id: LinkId, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>) {
        let can = self.is_reachable && self.state != State::Frozen;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.is_rising = false;
        if !can || link.is_lost {
            return;
        }
        let bytes = link.take_up(env.rng);
        let Some(session) = &mut link.session else { return };
        session.received(&bytes);
        while let Some(command) = self.links.get_mut(&id).and_then(|link| link.session.as_mut()).and_then(Session::next)
        {
            self.command(id, command, data, usages, env);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.has_risen() {
            let session = link.session.take();
            self.links.remove(&id);
            return end_session(session, data);
        }
        self.plan_up(id, env);
    }

    // ---- commands ----

    fn command(&mut self, id: LinkId, command: Args, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>) {
        let commands = self.commands.clone();
        let Some(session) = self.links.get_mut(&id).and_then(|link| link.session.as_mut()) else { return };
        let spec = match commands.resolve(&command) {
            Ok(spec) => spec,
            Err(error) => {
                session.is_aborted = true;
                return self.reply(id, &Reply::error(error.to_string()), env);
            }
        };
        if self.is_loading && !spec.flags.contains(Flags::LOADING) {
            session.is_aborted = true;
            return self.reply(id, &Reply::error(LOADING), env);
        }
        let reply = match (&*spec.name, &mut session.queued) {
            ("multi", _) => {
                (session.queued, session.is_aborted) = (Some(Vec::new()), false);
                Reply::OK
            }
            ("exec", queued) => {
                let Some(queued) = queued.take() else {
                    return self.reply(id, &Reply::error("ERR EXEC without MULTI"), env);
                };
                if !session.is_aborted {
                    return self.carry_out(id, &queued, true, data, usages, env);
                }
                Reply::error("EXECABORT Transaction discarded because of previous errors.")
            }
            (_, Some(queued)) => {
                queued.push(command);
                Reply::Simple(Bytes::from_static(b"QUEUED"))
            }
            ("hello", _) => {
                session.protocol = Protocol::Resp3;
                fields(&[("server", "redis"), ("version", "7.0.15"), ("role", "master")])
            }
            ("client|tracking", _) => {
                session.is_tracking = !env.faults.strikes(Fault::ForgetTracking, 2, env.rng);
                Reply::OK
            }
            ("client|trackinginfo", _) => {
                let flags = Reply::Set(vec![Reply::bulk(if session.is_tracking { "on" } else { "off" })]);
                Reply::Map(vec![(Reply::bulk("flags"), flags)])
            }
            ("subscribe" | "psubscribe" | "unsubscribe" | "punsubscribe", _) => {
                return self.subscribe(id, &spec.name, &command[1], data, env);
            }
            ("role", _) => Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), Reply::Array(Vec::new())]),
            ("ping", _) if command.len() == 1 => Reply::Simple(Bytes::from_static(b"PONG")),
            ("config|get", _) => fields(&[("tracking-table-max-keys", &self.table_max.to_string())]),
            ("info", _) => Reply::bulk(format!("# Stats\r\ntracking_total_keys:{}\r\n", self.tracked.len())),
            _ => return self.carry_out(id, &[command], false, data, usages, env),
        };
        self.reply(id, &reply, env);
    }

    fn carry_out(
        &mut self,
        id: LinkId,
        commands: &[Args],
        is_transaction: bool,
        data: &mut Data,
        usages: &mut Usages,
        env: &mut Env<'_>,
    ) {
        let (mut keys, mut read) = (Vec::new(), Vec::new());
        for command in commands {
            let Ok(spec) = self.commands.resolve(command) else { continue };
            let of_command = spec.keys(command).unwrap_or_default();
            let of_command = of_command.iter().map(|key| command[key.position].clone());
            if spec.flags.contains(Flags::READONLY) { read.extend(of_command) } else { keys.extend(of_command) }
        }
        keys.extend_from_slice(&read);
        data.expire_of(&keys, env.unix_ms);
        let batch = Batch { commands, read, is_transaction };
        let reply = self.do_all(id, &batch, data, usages, env);
        let pushes = self.changed(data, is_flush(commands), env);
        self.remember(id, &batch.read);
        self.reply(id, &reply, env);
        self.push_all(pushes, env);
        self.forget_some(env);
    }

    /// The store's part: what only reads is no write of anybody.
    fn do_all(
        &mut self,
        id: LinkId,
        batch: &Batch<'_>,
        data: &mut Data,
        usages: &mut Usages,
        env: &mut Env<'_>,
    ) -> Reply {
        let is_client = self.links.get(&id).is_some_and(|link| link.role == Role::Commands);
        match batch.commands {
            commands if batch.is_transaction && is_client => data.transaction(commands, id.0, env.unix_ms, env.checks),
            commands if batch.is_transaction => data.look_at_all(commands, env.unix_ms),
            [command] if is_client => data.execute(command, id.0, env.unix_ms, env.checks),
            [command] => {
                let words = line(command);
                let reply = answer(command, &words, data, env);
                data.history.seq += 1;
                if usages.served(&words, self.lost, env.checks) {
                    data.history.answered(&words, &reply);
                }
                if matches!(&*words[0], "STRLEN" | "HSTRLEN" | "MEMORY") {
                    let key = if words[0] == "MEMORY" { &words[2] } else { &words[1] };
                    answer_sized(key, data, usages, env);
                }
                reply
            }
            _ => Reply::Null,
        }
    }

    /// The second writer's command.
    pub fn write(&mut self, command: &Args, data: &mut Data, env: &mut Env<'_>) {
        data.execute(command, 0, env.unix_ms, env.checks);
        let pushes = self.changed(data, is_flush(std::slice::from_ref(command)), env);
        self.push_all(pushes, env);
    }

    /// Something changed without a command.
    pub fn tell(&mut self, data: &mut Data, env: &mut Env<'_>) {
        let pushes = self.changed(data, false, env);
        self.push_all(pushes, env);
    }

    fn subscribe(&mut self, id: LinkId, verb: &str, word: &Bytes, data: &mut Data, env: &mut Env<'_>) {
        let name = match verb {
            "subscribe" | "unsubscribe" => ChannelName::Channel(word.clone()),
            _ => ChannelName::Pattern(word.clone()),
        };
        let Some(session) = self.links.get_mut(&id).and_then(|link| link.session.as_mut()) else { return };
        if verb.contains("unsub") {
            if session.channels.remove(&name) {
                data.unsubscribe(&name);
            }
        } else if !env.faults.strikes(Fault::ForgetSubscription, 3, env.rng) && session.channels.insert(name.clone()) {
            data.subscribe(&name);
        }
        let count = Reply::Int(session.channels.len() as i64);
        self.push(id, &[Reply::bulk(verb), Reply::Bulk(word.clone()), count]);
    }

    // ---- tracking ----

    /// The pushes for what has changed and was published: each with its connection; keys leave the table.
    fn changed(&mut self, data: &mut Data, is_flush: bool, env: &mut Env<'_>) -> Vec<(LinkId, Vec<Reply>)> {
        let (changes, published) = data.drain(env.unix_ms);
        let mut pushes = Vec::new();
        let mut is_all = is_flush;
        for change in changes {
            match change {
                Change::Key { key, .. } => self.disarm(&key, &mut pushes),
                Change::All { .. } => is_all = true,
            }
        }
        if is_all {
            self.tracked.clear();
            let tracking = self.links.iter().filter(|(_, link)| link.session.as_ref().is_some_and(|s| s.is_tracking));
            pushes.extend(tracking.map(|(id, _)| (*id, vec![Reply::bulk("invalidate"), Reply::Null])));
        }
        published.iter().for_each(|message| self.messages(message, &mut pushes));
        pushes
    }

    fn disarm(&mut self, key: &Bytes, pushes: &mut Vec<(LinkId, Vec<Reply>)>) {
        for id in self.tracked.remove(key).unwrap_or_default() {
            let keys = Reply::Array(vec![Reply::Bulk(key.clone())]);
            pushes.push((id, vec![Reply::bulk("invalidate"), keys]));
        }
    }

    fn messages(&self, published: &Published, pushes: &mut Vec<(LinkId, Vec<Reply>)>) {
        let (channel, message) = (Reply::Bulk(published.channel.clone()), Reply::Bulk(published.message.clone()));
        for name in &published.names {
            let push = match name {
                ChannelName::Channel(_) => vec![Reply::bulk("message"), channel.clone(), message.clone()],
                ChannelName::Pattern(pattern) => {
                    vec![Reply::bulk("pmessage"), Reply::Bulk(pattern.clone()), channel.clone(), message.clone()]
                }
            };
            let hears = |link: &Link| link.session.as_ref().is_some_and(|session| session.channels.contains(name));
            let hearers = self.links.iter().filter(|(_, link)| hears(link));
            pushes.extend(hearers.map(|(id, _)| (*id, push.clone())));
        }
    }

    fn remember(&mut self, id: LinkId, keys: &[Bytes]) {
        let is_tracking = self.links.get(&id).and_then(|link| link.session.as_ref()).is_some_and(|s| s.is_tracking);
        if is_tracking {
            keys.iter().for_each(|key| {
                self.tracked.entry(key.clone()).or_default().insert(id);
            });
        }
    }

    /// Where the table is too small, keys are forgotten, and pushed though nobody wrote them.
    fn forget_some(&mut self, env: &mut Env<'_>) {
        let mut pushes = Vec::new();
        while self.table_max > 0 && self.tracked.len() > self.table_max {
            self.evict(&mut pushes, env);
        }
        self.push_all(pushes, env);
    }

    /// The process is a new one, which remembers nothing.
    pub fn forget_tracked(&mut self) {
        self.tracked.clear();
    }

    /// A key is forgotten for lack of memory, or evicted: nobody wrote it.
    pub fn evict_one(&mut self, env: &mut Env<'_>) {
        let mut pushes = Vec::new();
        self.evict(&mut pushes, env);
        self.push_all(pushes, env);
    }

    fn evict(&mut self, pushes: &mut Vec<(LinkId, Vec<Reply>)>, env: &mut Env<'_>) {
        if self.tracked.is_empty() {
            return;
        }
        let at = env.rng.usize(0..self.tracked.len());
        let Some(key) = self.tracked.keys().nth(at).cloned() else { return };
        self.disarm(&key, pushes);
    }

    /// Everything may have changed: a null push, as after `DEBUG RELOAD` or a full resync.
    pub fn push_null(&mut self, data: &mut Data, env: &mut Env<'_>) {
        let pushes = self.changed(data, true, env);
        self.push_all(pushes, env);
    }

    // ---- what is sent ----

    fn push_all(&mut self, pushes: Vec<(LinkId, Vec<Reply>)>, env: &mut Env<'_>) {
        for (id, push) in pushes {
            let is_null = matches!(push[1], Reply::Null);
            let is_invalidation = matches!(&push[0], Reply::Bulk(kind) if &kind[..] == b"invalidate");
            let is_lost = match (is_invalidation, is_null) {
                (true, true) => env.faults.always(Fault::DropNullPush),
                (true, false) => env.faults.strikes(Fault::DropPush, 6, env.rng),
                (false, _) => env.faults.strikes(Fault::DropMessage, 20, env.rng),
            };
            let is_early = is_invalidation && !is_null && env.faults.strikes(Fault::EarlyPush, 1, env.rng);
            let link = self.links.get_mut(&id).filter(|link| link.is_here && !is_lost);
            match link.and_then(|link| Some((link.session.as_ref()?.protocol, link))) {
                Some((protocol, link)) if is_early => drop(link.push_early(&push, protocol)),
                Some((protocol, link)) => link.push(&push, protocol),
                None => {}
            }
        }
    }

    fn push(&mut self, id: LinkId, push: &[Reply]) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_here) else { return };
        if let Some(protocol) = link.session.as_ref().map(|session| session.protocol) {
            link.push(push, protocol);
        }
    }

    fn reply(&mut self, id: LinkId, reply: &Reply, env: &mut Env<'_>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_here) else { return };
        let Some(protocol) = link.session.as_ref().map(|session| session.protocol) else { return };
        let is_client = link.role == Role::Commands;
        if is_client && env.faults.strikes(Fault::LoseReply, 40, env.rng) {
            return;
        }
        link.reply(reply, protocol);
        if is_client && env.faults.strikes(Fault::RepeatReply, 20, env.rng) {
            link.reply(reply, protocol);
        }
    }
}

/// The server knows of the connection's end.
pub(super) fn end_session(session: Option<Session>, data: &mut Data) {
    for name in session.map(|session| session.channels).unwrap_or_default() {
        data.unsubscribe(&name);
    }
}

/// Whether null is pushed though nothing was there that could change.
fn is_flush(commands: &[Args]) -> bool {
    commands.iter().any(|command| command[0].eq_ignore_ascii_case(b"FLUSHALL"))
}

/// What the gateway's own question is answered with.
fn answer(command: &Args, words: &[String], data: &mut Data, env: &mut Env<'_>) -> Reply {
    match words[0].to_ascii_uppercase().as_str() {
        "PTTL" if env.faults.always(Fault::NoDeadlines) => Reply::Int(-1),
        "MEMORY" => memory_usage(&command[2], data, env),
        _ => data.look(command, env.unix_ms),
    }
}

/// The gateway asks for a size in place of a value: whoever shows that the value is too large is right as of now.
fn answer_sized(key: &str, data: &mut Data, usages: &Usages, env: &mut Env<'_>) {
    for query in usages.of(key) {
        let reply = data.answer(query, env.unix_ms);
        data.history.answered(query, &reply);
    }
}

/// What a key's value takes, as a server of small overhead sees it.
fn memory_usage(key: &Bytes, data: &mut Data, env: &mut Env<'_>) -> Reply {
    let word = |text: &'static str| Bytes::from_static(text.as_bytes());
    let all: &[&'static str] = match data.look(&[word("TYPE"), key.clone()], env.unix_ms) {
        Reply::Simple(kind) => match &kind[..] {
            b"string" => &["GET"],
            b"hash" => &["HGETALL"],
            b"set" => &["SMEMBERS"],
            b"list" => &["LRANGE", "0", "-1"],
            b"zset" => &["ZRANGE", "0", "-1"],
            b"stream" => &["XRANGE", "-", "+"],
            _ => return Reply::Null,
        },
        _ => return Reply::Null,
    };
    let mut command = vec![word(all[0]), key.clone()];
    command.extend(all[1..].iter().map(|text| word(text)));
    let value = data.look(&command, env.unix_ms);
    Reply::Int(resp_bytes(&value) as i64)
}

fn fields(fields: &[(&str, &str)]) -> Reply {
    Reply::Map(fields.iter().map(|(name, value)| (Reply::bulk(name), Reply::bulk(value))).collect())
}

impl Server {
    /// What no promise covers must not happen either: a server with more connections than the gateway may have.
    pub fn check_links(&self, env: &mut Env<'_>) {
        let here = self.links.values().filter(|link| link.is_here).count();
        env.checks.require(here <= 3, Check::BoundedMemory, || format!("{here} connections to one server"));
    }
}
