//! The store: runs commands, for clients and for its owner, and settles what follows from each.
//!
//! A command of a client passes these stations, in Redis' order: is it known and complete, is it allowed now (a
//! transaction, RESP2 with subscriptions, a pause, memory), is it queued; then it runs. What follows is settled when it, or
//! the whole transaction, is done: its effects go to the log as one unit, broadcasts of tracking go out, and clients that
//! waited for what it wrote go on, each as a unit of its own.

use crate::aof;
use crate::changes::{Change, Changes};
use crate::client::waiting::{Resume, Wait};
use crate::client::{Client, ClientId, Output, Peer, ReplyMode, Touch};
use crate::commands::{Found, Registry, Run, may_write};
use crate::db::Db;
use crate::db::txn::Txn;
use crate::errors;
use crate::garbage::Discarded;
use crate::pubsub::{PubSub, Published, Space};
use crate::random::Random;
use crate::resp2;
use crate::settings::Settings;
use crate::state::{Persistence, State, may_hold_password};
use crate::types::stream::Stream;
use crate::types::{Value, dict};
use bytes::Bytes;
use model::backend::ChannelName;
use model::command::Flags;
use model::stream::StreamRange;
use model::{Args, EntryId, Error, Reply};

/// How a store is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// For hashing and for random members. Must not be known to clients; a test takes a fixed one.
    pub seed: u64,
    /// How many databases there are; at least one.
    pub databases: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { seed: 0, databases: 16 }
    }
}

/// An embedded Redis. See the crate's documentation for the loop its owner runs.
#[derive(Debug)]
pub struct Store {
    state: State,
    registry: &'static Registry,
}

/// On whose behalf a command runs.
#[derive(Clone, Copy, Debug)]
struct Caller {
    /// `None`: the owner.
    client: Option<ClientId>,
    db: usize,
    now_ms: u64,
    /// In a transaction nothing waits.
    may_wait: bool,
}

/// How a command went.
enum Ran {
    Replied(Reply),
    /// Pushes were the answer.
    Silent,
    /// It waits.
    Waits(Wait),
}

impl Ran {
    /// Where nothing can wait.
    fn reply(self) -> Reply {
        match self {
            Ran::Replied(reply) => reply,
            Ran::Silent => Reply::Null,
            Ran::Waits(wait) => wait.otherwise,
        }
    }
}

/// The commands that are carried out at once though a transaction is open.
const NEVER_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];
/// What a client that speaks RESP2 may send while it is subscribed.
const WHILE_SUBSCRIBED: [&str; 9] =
    ["subscribe", "ssubscribe", "psubscribe", "unsubscribe", "sunsubscribe", "punsubscribe", "ping", "quit", "reset"];
/// The name of nobody.
static NO_NAME: Bytes = Bytes::new();
/// At most so many keys make room for one command, so that a lowered limit does not hold up everything.
pub(crate) const EVICTED_PER_COMMAND_MAX: usize = 128;

impl Store {
    /// A store without keys.
    pub fn new(config: Config) -> Store {
        let random = Random::new(config.seed);
        let seed = random.next();
        let hasher = dict::hasher(random.next());
        let databases: Vec<Db> = (0..config.databases.max(1)).map(|_| Db::new(random.next())).collect();
        let mut settings = Settings::default();
        settings.set_by_owner("databases", &databases.len().to_string());
        let state = State {
            databases,
            changes: Changes::new(hasher.clone()),
            pubsub: PubSub::new(&hasher),
            random,
            statistics: Default::default(),
            seed,
            settings,
            clients: Default::default(),
            watches: Default::default(),
            waiting: Default::default(),
            tracking: Default::default(),
            outbox: Vec::new(),
            running: Default::default(),
            log: Default::default(),
            garbage: Default::default(),
            pause: None,
            persistence: Default::default(),
            facts: Default::default(),
            slowlog: Default::default(),
            pending: Default::default(),
        };
        Store { state, registry: Registry::shared() }
    }

    /// Carries out one command in database 0. `now_ms` is milliseconds since 1970 and must not fall.
    pub fn execute(&mut self, command: &[Bytes], now_ms: u64) -> Reply {
        self.execute_in(0, command, now_ms)
    }

    /// Carries out one command in a database, which must exist. Commands about connections, and commands that would
    /// have to wait, are refused.
    pub fn execute_in(&mut self, db: usize, command: &[Bytes], now_ms: u64) -> Reply {
        let caller = Caller { client: None, db, now_ms, may_wait: true };
        let reply = match self.registry.find(command) {
            Ok(found) => match self.admit_write(&found, now_ms).map(|()| self.call(caller, found)) {
                Ok(Ran::Waits(_)) => would_wait(&found),
                Ok(ran) => ran.reply(),
                Err(error) => Reply::error(error.to_string()),
            },
            Err(error) => Reply::error(error.to_string()),
        };
        self.settle(now_ms);
        reply
    }

    /// Carries out the commands of a MULTI/EXEC in database 0. The answer is an array of their replies, errors of single
    /// commands included; `EXECABORT`, and nothing done, if one of them is unknown or has a wrong number of arguments.
    pub fn transaction(&mut self, commands: &[Args], now_ms: u64) -> Reply {
        let caller = Caller { client: None, db: 0, now_ms, may_wait: false };
        let admitted = |store: &mut Store, line: &[Bytes]| {
            store.registry.find(line).and_then(|found| store.admit_write(&found, now_ms)).is_ok()
        };
        if !commands.iter().all(|command| admitted(self, command)) {
            return Reply::error(errors::EXEC_ABORT.to_string());
        }
        let reply = self.run_all(caller, commands);
        self.settle(now_ms);
        reply
    }

    /// A connection of a client. It begins in database 0 and with RESP2.
    pub fn connect(&mut self, peer: Peer, now_ms: u64) -> ClientId {
        self.state.statistics.connections += 1;
        let id = self.state.clients.add(peer, now_ms);
        let open = self.state.settings.get("requirepass").is_none_or(str::is_empty);
        self.client(id).authenticated = open;
        id
    }

    /// The connection is gone. Of a client that is not there: nothing.
    pub fn disconnect(&mut self, id: ClientId) {
        if let Some(client) = self.state.clients.remove(id) {
            self.forget(client);
        }
    }

    /// Whether the client's last command is still to be answered: it waits, or a pause is on. The owner gives no further
    /// command of it to the store until it is.
    pub fn is_waiting(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(|client| client.wait.is_some())
    }

    /// Whether the client is there: neither disconnected nor told to be closed.
    pub fn is_connected(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some()
    }

    /// Whether the client has presented the password, or needs none.
    pub fn is_authenticated(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(|client| client.authenticated)
    }

    /// Whether the client is subscribed to anything.
    pub fn is_subscribed(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(Client::is_subscribed)
    }

    /// Whether the client is shown all commands.
    pub fn is_monitor(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(|client| client.monitor)
    }

    /// Carries out one command of a client that is not waiting; `line` is its name and arguments, never empty. Words
    /// may be parts of a large buffer, as none is kept alive, but of commands about connections, subscriptions, transactions
    /// and streams, and of those that may wait. What
    /// follows is in the outputs: as a rule one [`Output::Reply`] for each command. Of a client that is not there: nothing.
    pub fn handle_command(&mut self, id: ClientId, line: &[Bytes], now_ms: u64) {
        let Some(client) = self.state.clients.get_mut(id) else { return };
        debug_assert!(client.wait.is_none(), "a client that waits sends nothing");
        client.active_ms = now_ms;
        if client.reply_mode == ReplyMode::SkipNext {
            client.reply_mode = ReplyMode::Skip;
        }
        let begin = self.state.outbox.len();
        let ran = self.dispatch(id, line, now_ms);
        self.answer(id, line, ran, begin);
        self.state.caching_is_over(id);
        self.settle(now_ms);
    }

    /// Ends what is due: keys whose deadline has come, at most `keys_max` of them, waits, a pause. How many keys ended:
    /// fewer than `keys_max` means that none is due any more.
    pub fn handle_timeout(&mut self, now_ms: u64, keys_max: usize) -> usize {
        while let Some(id) = self.state.waiting.due(now_ms) {
            self.end_wait(id, None);
        }
        if self.state.pause.is_some_and(|pause| pause.until_ms <= now_ms) {
            self.state.pause = None;
        }
        let removed = self.expire(now_ms, keys_max);
        self.settle(now_ms);
        removed
    }

    /// When something is due, in milliseconds since 1970; in the past if it already is.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        let state = &self.state;
        let pause = state.pause.map(|pause| pause.until_ms);
        [self.next_expiry_ms(), state.waiting.next_deadline_ms(), pause].into_iter().flatten().min()
    }

    /// Takes what is to be sent and done since the last call, in order.
    pub fn drain_outputs(&mut self, each: impl FnMut(Output)) {
        self.state.outbox.drain(..).for_each(each);
    }

    /// Takes the changes since the last call, in order.
    pub fn drain_changes(&mut self, each: impl FnMut(Change)) {
        self.state.changes.drain(each);
    }

    /// Takes the messages published since the last call that the owner receives, in order.
    pub fn drain_published(&mut self, each: impl FnMut(Published)) {
        self.state.pubsub.drain(each);
    }

    /// Keeps a log of effects from now on, or does not any more. An owner that keeps one takes it. What is taken next is
    /// the beginning of a file, or may be appended to one.
    pub fn keep_log(&mut self, keep: bool) {
        self.state.log.keep(keep);
    }

    /// The mark of a rewrite of the log: see [`aof`]. What there is was taken, and belongs to the old files; what
    /// is taken from now on belongs to a new one. `false`, and nothing done, if a rewrite is under way.
    pub fn begin_rewrite(&mut self) -> bool {
        self.state.log.begin_rewrite(&self.state.databases)
    }

    /// Writes a part of what there was at the mark to `out`: until it has about so many bytes more. Whether that was all;
    /// then the rewrite is over.
    pub fn rewrite_step(&mut self, bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let State { log, databases, garbage, .. } = &mut self.state;
        log.rewrite_step(databases, bytes_max, garbage, out)
    }

    #[cfg(test)]
    pub(crate) fn state_is_rewriting(&self) -> bool {
        self.state.log.is_rewriting()
    }

    /// Ends a rewrite that is not to be finished.
    pub fn abort_rewrite(&mut self) {
        let State { log, garbage, .. } = &mut self.state;
        log.abort_rewrite(garbage);
    }

    /// Carries out a command of a log that is being loaded; an error if there is no such command. A load knows no time:
    /// what was due long ago is there until the load is over, as later commands of the log may be about it.
    pub(crate) fn replay(&mut self, db: usize, line: &[Bytes]) -> Result<Reply, Error> {
        let found = self.registry.find(line)?;
        let caller = Caller { client: None, db, now_ms: aof::TIMELESS_MS, may_wait: true };
        let reply = self.call(caller, found).reply();
        self.state.changes.drain(drop);
        Ok(reply)
    }

    /// What was carried out up to now was the log: counts begin.
    pub fn loading_is_over(&mut self) {
        self.state.statistics = Default::default();
        self.state.persistence.changes = 0;
        self.state.outbox.clear();
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.state.databases.len()
    }

    /// Moves the log since the last call behind `out`.
    pub fn take_log(&mut self, out: &mut Vec<u8>) {
        self.state.log.take(out);
    }

    /// Hands large values over when they are removed, or does not any more. An owner that has them handed over drains them.
    pub fn collect_garbage(&mut self, collect: bool) {
        self.state.garbage.is_collected = collect;
    }

    /// Takes the large values that were removed since the last call.
    pub fn drain_garbage(&mut self, each: impl FnMut(Discarded)) {
        self.state.garbage.drain(each);
    }

    /// Counts one more subscription of the owner to a channel or pattern.
    pub fn subscribe(&mut self, name: &ChannelName) {
        self.state.pubsub.subscribe(name);
    }

    /// Counts one less.
    pub fn unsubscribe(&mut self, name: &ChannelName) {
        self.state.pubsub.unsubscribe(name);
    }

    /// The settings that `CONFIG` shows; the owner may set those that it knows better.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.state.settings
    }

    /// The settings that `CONFIG` shows.
    pub fn settings(&self) -> &Settings {
        &self.state.settings
    }

    /// Tells of the owner's files, for the commands that ask.
    pub fn set_persistence(&mut self, persistence: Persistence) {
        self.state.persistence = persistence;
    }

    /// What was told of the owner's files, to tell more.
    pub fn persistence_mut(&mut self) -> &mut Persistence {
        &mut self.state.persistence
    }

    /// What a field of `INFO` shows (`run_id`, `process_id`, `used_memory_rss`, …) in place of what the store can know.
    pub fn set_fact(&mut self, field: &str, value: &str) {
        self.state.facts.insert(field.into(), value.into());
    }

    /// How long a command took: for `SLOWLOG`, `LATENCY` and the command statistics of `INFO`.
    pub fn note_duration(&mut self, client: Option<ClientId>, line: &[Bytes], micros: u64, now_ms: u64) {
        let Ok(found) = self.registry.find(line) else { return };
        self.state.statistics.of(usize::from(found.spec.id.0)).micros += micros;
        let line = if may_hold_password(found.command.name) { &line[..1] } else { line };
        let State { settings, slowlog, clients, .. } = &mut self.state;
        if settings.slowlog_slower_us >= 0 && micros as i64 >= settings.slowlog_slower_us {
            let client = client.and_then(|id| clients.get(id));
            let who = client.map_or(("", &NO_NAME), |client| (&*client.peer.address, &client.name));
            slowlog.add(line, micros, now_ms, who, settings.slowlog_max);
        }
        let ms = micros / 1000;
        if settings.latency_threshold_ms > 0 && ms >= settings.latency_threshold_ms {
            slowlog.delay(now_ms, ms);
        }
    }

    /// When the next key ends, in milliseconds since 1970; in the past if one is due.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.state.databases.iter().filter_map(Db::next_deadline_ms).min()
    }

    /// Removes keys that are due, at most `keys_max` of them, and records them as changes. How many they were: fewer
    /// than `keys_max` means that none is due any more.
    pub fn expire(&mut self, now_ms: u64, keys_max: usize) -> usize {
        let mut removed = 0;
        for db in 0..self.state.databases.len() {
            while removed < keys_max
                && let Some(key) = self.state.databases[db].first_due(now_ms)
            {
                self.state.end(db, &key, Touch::Expired);
                self.state.log.commit();
                removed += 1;
            }
        }
        removed
    }

    /// The soonest end of these keys, in milliseconds since 1970: who reads them must read them again then.
    pub fn expires_at_ms(&self, db: usize, keys: &[Bytes]) -> Option<u64> {
        let db = self.state.databases.get(db)?;
        keys.iter().filter_map(|key| db.get(key, 0)?.deadline_ms()).min()
    }

    /// Reads a stream from the place `after` on (see [`Stream::read_after`]); of a missing key, nothing. `WRONGTYPE` if the
    /// key holds another type.
    pub fn stream_range(
        &self,
        key: &[u8],
        after: Option<EntryId>,
        bytes_max: usize,
        now_ms: u64,
    ) -> Result<StreamRange, Error> {
        match self.state.databases[0].get(key, now_ms) {
            None => Ok(Stream::new().read_after(after, bytes_max)),
            Some(entry) => match &entry.value {
                Value::Stream(stream) => Ok(stream.read_after(after, bytes_max)),
                _ => Err(errors::WRONG_TYPE),
            },
        }
    }

    /// How many keys a database has; 0 if there is no such database.
    pub fn keys(&self, db: usize) -> usize {
        self.state.databases.get(db).map_or(0, Db::len)
    }

    /// Bytes that keys and values take, about.
    pub fn memory(&self) -> usize {
        self.state.memory()
    }

    #[cfg(test)]
    pub(crate) fn with_txn<R>(&mut self, db: usize, now_ms: u64, work: impl FnOnce(&mut Txn<'_>) -> R) -> R {
        self.state.changes.begin();
        let result = work(&mut Txn::new(&mut self.state, db, now_ms));
        self.state.changes.end();
        result
    }

    #[cfg(test)]
    pub(crate) fn keyspace(&self) -> &[Db] {
        &self.state.databases
    }
}

/// A client's command on its way.
impl Store {
    /// From the command line to its answer; `None` while it waits or where pushes are the answer.
    fn dispatch(&mut self, id: ClientId, line: &[Bytes], now_ms: u64) -> Option<Reply> {
        let registry = self.registry;
        let result = match registry.find(line) {
            Ok(found) => self.admit(id, found, now_ms),
            Err(error) if line[0].eq_ignore_ascii_case(b"EXEC") => Err(self.abort(id, &error)),
            Err(error) => {
                self.refuse(id, None);
                Err(error)
            }
        };
        result.unwrap_or_else(|error| Some(Reply::error(error.to_string())))
    }

    /// Whether the command is allowed now, and if so, its answer.
    fn admit(&mut self, id: ClientId, found: Found<'_>, now_ms: u64) -> Result<Option<Reply>, Error> {
        let name = found.command.name;
        let client = self.client(id);
        client.last_command = name;
        let in_transaction = client.transaction.is_some();
        let muted = client.resp == 2 && client.is_subscribed() && !WHILE_SUBSCRIBED.contains(&name);
        let authenticated = client.must_be_authenticated();
        let refusal = match () {
            () if authenticated.is_err() && !found.spec.flags.contains(Flags::NO_AUTH) => authenticated,
            () if in_transaction && found.spec.flags.contains(Flags::NO_MULTI) => {
                Err(errors::custom("Command not allowed inside a transaction"))
            }
            () if muted => Err(errors::custom(format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                name
            ))),
            () => self.admit_write(&found, now_ms),
        };
        if let Err(error) = refusal {
            self.refuse(id, Some(&found));
            return Err(error);
        }
        if matches!(found.command.run, Run::Exec) && self.queues_writes(id) {
            self.admit_change().map_err(|error| self.abort(id, &error))?;
        }
        if self.is_held_back(id, &found) {
            let resume = Resume::Paused { line: found.line.into() };
            self.wait(id, Wait { resume, ..Wait::for_moment(None, Reply::Null) });
            self.state.waiting.paused.push_back(id);
            return Ok(None);
        }
        let client = self.client(id);
        if let Some(transaction) = client.transaction.as_mut().filter(|_| !NEVER_QUEUED.contains(&name)) {
            transaction.queue(found.line);
            return Ok(Some(Reply::Simple(Bytes::from_static(b"QUEUED"))));
        }
        let caller = Caller { client: Some(id), db: client.db, now_ms, may_wait: true };
        Ok(match self.call(caller, found) {
            Ran::Replied(reply) => Some(reply),
            Ran::Silent => None,
            Ran::Waits(wait) => {
                self.begin_wait(id, caller.db, &found, wait);
                None
            }
        })
    }

    /// A command was refused before it ran: an open transaction will not be carried out.
    fn refuse(&mut self, id: ClientId, found: Option<&Found<'_>>) {
        if let Some(found) = found {
            self.state.statistics.of(usize::from(found.spec.id.0)).rejected += 1;
        }
        if let Some(transaction) = &mut self.client(id).transaction {
            transaction.failed = true;
        }
    }

    /// `EXEC` itself was refused: the transaction is over, and the error says why.
    fn abort(&mut self, id: ClientId, why: &Error) -> Error {
        self.client(id).transaction = None;
        self.state.unwatch(id);
        Error::new("EXECABORT", format!("Transaction discarded because of: {}", why.message))
    }

    /// Whether memory and the owner's files allow the command.
    fn admit_write(&mut self, found: &Found<'_>, now_ms: u64) -> Result<(), Error> {
        self.admit_memory(found, now_ms)?;
        // Redis refuses PING too: whoever looks after a server notices then.
        if may_write(found.spec) || found.command.name == "ping" { self.admit_change() } else { Ok(()) }
    }

    /// Nothing changes that could not be kept.
    fn admit_change(&self) -> Result<(), Error> {
        match &self.state.persistence.write_error {
            None => Ok(()),
            Some(why) => Err(Error::new("MISCONF", format!("Errors writing to the AOF file: {why}"))),
        }
    }

    fn queues_writes(&self, id: ClientId) -> bool {
        let queued = self.state.clients.get(id).and_then(|client| client.transaction.as_ref());
        let writes = |line: &Args| self.registry.find(line).is_ok_and(|found| may_write(found.spec));
        self.state.persistence.write_error.is_some()
            && queued.is_some_and(|transaction| transaction.commands.iter().any(writes))
    }

    /// Makes room if memory is short; an error if there is none and the command may need some.
    fn admit_memory(&mut self, found: &Found<'_>, now_ms: u64) -> Result<(), Error> {
        if self.state.settings.maxmemory == 0 || self.state.make_room(now_ms, EVICTED_PER_COMMAND_MAX) {
            return Ok(());
        }
        let grows = found.spec.flags.contains(Flags::DENYOOM);
        let queued = matches!(found.command.run, Run::Exec);
        if grows && !queued { Err(errors::OUT_OF_MEMORY) } else { Ok(()) }
    }

    /// Whether a pause holds the command back.
    fn is_held_back(&mut self, id: ClientId, found: &Found<'_>) -> bool {
        let Some(pause) = self.state.pause else { return false };
        let writes = |line: &[Bytes]| self.registry.find(line).is_ok_and(|found| changes_something(&found));
        if !pause.writes_only {
            return found.command.name != "client|unpause" || found.line.is_empty();
        }
        let queued = self.state.clients.get(id).and_then(|client| client.transaction.as_ref());
        match found.command.run {
            Run::Exec => queued.is_some_and(|transaction| transaction.commands.iter().any(|line| writes(line))),
            _ => queued.is_none() && changes_something(found),
        }
    }

    /// Puts the answer where it belongs: before what the command pushed to others and to the client itself, behind the
    /// protocol it is written in.
    fn answer(&mut self, id: ClientId, line: &[Bytes], reply: Option<Reply>, begin: usize) {
        let Some(client) = self.state.clients.get_mut(id) else { return };
        let (closing, mode) = (client.closing, client.reply_mode);
        if mode == ReplyMode::Skip {
            client.reply_mode = ReplyMode::On;
        }
        if let Some(Reply::Error(text)) = &reply {
            self.state.statistics.error(text);
        }
        if let Some(reply) = reply.filter(|_| mode == ReplyMode::On) {
            let reply = if client.resp == 2 { resp2::downgraded(line, reply) } else { reply };
            let behind = |output: &Output| matches!(output, Output::Protocol { .. });
            let at = begin + self.state.outbox[begin..].iter().take_while(|output| behind(output)).count();
            self.state.outbox.insert(at, Output::Reply { client: id, reply });
        }
        if closing {
            self.close(id);
        }
    }

    /// Ends a connection from this side.
    fn close(&mut self, id: ClientId) {
        if let Some(client) = self.state.clients.remove(id) {
            self.forget(client);
            self.state.outbox.push(Output::Close { client: id });
        }
    }

    /// Takes a client that is gone out of everything that others ask for.
    fn forget(&mut self, mut client: Client) {
        let id = client.id;
        if let Some(wait) = client.wait.take() {
            self.state.stop_waiting(id, &wait);
        }
        for (space, names) in [
            (Space::Channel, &client.channels),
            (Space::Pattern, &client.patterns),
            (Space::Shard, &client.shard_channels),
        ] {
            names.iter().for_each(|name| self.state.pubsub.remove(space, name, id));
        }
        for (db, key, _) in &client.watched {
            self.state.watches.remove(*db, key, id);
        }
        if client.tracking.is_some() {
            self.state.tracking.clients -= 1;
            self.state.tracking.broadcasters.retain(|c| *c != id);
        }
        self.state.clients.redirection_gone(id);
    }

    fn client(&mut self, id: ClientId) -> &mut Client {
        self.state.clients.get_mut(id).expect("a command comes from a client that is there")
    }
}

/// Commands being carried out.
impl Store {
    /// Runs one command as a unit of its own, unless a transaction is around it.
    fn call(&mut self, caller: Caller, found: Found<'_>) -> Ran {
        if matches!(found.command.run, Run::Exec) {
            return Ran::Replied(self.exec(caller));
        }
        let ran = self.run(caller, found);
        if caller.may_wait {
            self.state.log.commit();
        }
        ran
    }

    /// Runs one command and notes what it did.
    fn run(&mut self, caller: Caller, found: Found<'_>) -> Ran {
        let Caller { client, db, now_ms, .. } = caller;
        let Found { command, args, .. } = found;
        let state = &mut self.state;
        state.statistics.started_ms.get_or_insert(now_ms);
        state.statistics.commands += 1;
        state.begin(command, args, client);
        if state.clients.monitors > 0 {
            state.show_to_monitors(&found, client, db, now_ms);
        }
        state.changes.begin();
        state.end_due(&found, db, now_ms);
        let mut txn = Txn::new(state, db, now_ms);
        let result = match command.run {
            Run::Read(run) => run(&txn, args).map(Ran::Replied),
            Run::Write(run) => run(&mut txn, args).map(Ran::Replied),
            Run::Client(run) => match client {
                Some(client) => run(&mut txn, client, args).map(|reply| reply.map_or(Ran::Silent, Ran::Replied)),
                None => Err(needs_connection(command.name)),
            },
            Run::BlockingRead(attempt, wait) => attempt(&txn, args).and_then(|reply| match reply {
                Some(reply) => Ok(Ran::Replied(reply)),
                None => wait(&txn, args).map(Ran::Waits),
            }),
            Run::BlockingWrite(attempt, wait) => attempt(&mut txn, args).and_then(|reply| match reply {
                Some(reply) => Ok(Ran::Replied(reply)),
                None => wait(&txn, args).map(Ran::Waits),
            }),
            Run::Exec => unreachable!("EXEC runs other commands and is never run as one"),
        };
        state.changes.end();
        let failed = result.is_err();
        let ran = result.unwrap_or_else(|error| Ran::Replied(Reply::error(error.to_string())));
        let calls = state.statistics.of(usize::from(found.spec.id.0));
        calls.calls += 1;
        calls.failed += u64::from(failed);
        aof::note(state, db, &found, ran_reply(&ran));
        state.note_reads(&found, client, db, now_ms);
        ran
    }

    /// `EXEC`: all that was queued, as one unit.
    fn exec(&mut self, caller: Caller) -> Reply {
        let Some(id) = caller.client else { return Reply::error(needs_connection("exec").to_string()) };
        let client = self.client(id);
        let Some(transaction) = client.transaction.take() else {
            return Reply::error(errors::custom("EXEC without MULTI").to_string());
        };
        let state = &self.state;
        let client = state.clients.get(id).expect("the client was just there");
        let ended =
            |(db, key, was_due): &(usize, Bytes, bool)| !was_due && state.databases[*db].is_due(key, caller.now_ms);
        let broken = client.watched_changed || client.watched.iter().any(ended);
        self.state.unwatch(id);
        if transaction.failed {
            return Reply::error(errors::EXEC_ABORT.to_string());
        }
        if broken {
            return Reply::Null;
        }
        self.run_all(Caller { may_wait: false, ..caller }, &transaction.commands)
    }

    /// Runs commands as one unit, in which a client's `SELECT` counts for those after it.
    fn run_all(&mut self, caller: Caller, lines: &[Args]) -> Reply {
        let registry = self.registry;
        let mut replies = Vec::with_capacity(lines.len());
        for line in lines {
            let db = caller.client.map_or(caller.db, |id| self.client(id).db);
            let reply = match registry.find(line) {
                Ok(found) => self.run(Caller { db, ..caller }, found).reply(),
                Err(error) => Reply::error(error.to_string()),
            };
            let resp2 = caller.client.is_some_and(|id| self.client(id).resp == 2);
            replies.push(if resp2 { resp2::downgraded(line, reply) } else { reply });
        }
        self.state.log.commit_together(lines.len() > 1);
        Reply::Array(replies)
    }

    /// What follows from a unit: broadcasts, and clients that waited for what it wrote; what those write, too.
    fn settle(&mut self, now_ms: u64) {
        loop {
            let State { tracking, clients, outbox, settings, .. } = &mut self.state;
            tracking.settle(settings.tracking_keys_max, clients, outbox);
            self.let_paused_go_on(now_ms);
            if !self.state.waiting.has_ready() {
                break;
            }
            for ((db, key), clients) in self.state.waiting.take_ready() {
                for id in clients {
                    self.try_again(id, db, &key, now_ms);
                }
            }
        }
        for id in std::mem::take(&mut self.state.pending.to_close) {
            self.close(id);
        }
        for (id, error) in std::mem::take(&mut self.state.pending.to_unblock) {
            self.end_wait(id, error.then(|| Reply::error("UNBLOCKED client unblocked via CLIENT UNBLOCK")));
        }
        let memory = self.state.memory();
        self.state.statistics.memory_peak = self.state.statistics.memory_peak.max(memory);
    }
}

/// Clients that wait.
impl Store {
    fn begin_wait(&mut self, id: ClientId, db: usize, found: &Found<'_>, mut wait: Wait) {
        let head = &found.line[..found.line.len() - found.args.len()];
        let line = match wait.args.take() {
            Some(args) => head.iter().cloned().chain(args).collect(),
            None => found.line.into(),
        };
        wait.resume = Resume::Command { db, command: found.command, line };
        self.wait(id, wait);
    }

    fn wait(&mut self, id: ClientId, wait: Wait) {
        if let Resume::Command { db, .. } = wait.resume {
            self.state.waiting.add(id, db, &wait.keys, wait.deadline_ms);
        }
        self.client(id).wait = Some(wait);
    }

    /// A key that the client waits for was written: its command is tried again, unless the key now holds what the
    /// command is not about.
    fn try_again(&mut self, id: ClientId, db: usize, key: &Bytes, now_ms: u64) {
        let Some(wait) = self.state.clients.get(id).and_then(|client| client.wait.as_ref()) else { return };
        let Resume::Command { command, line, .. } = &wait.resume else { return };
        if !wait.keys.contains(key) || !suits(command.name, self.state.databases[db].get(key, now_ms).map(|e| &e.value))
        {
            return;
        }
        let line = line.clone();
        let registry = self.registry;
        let Ok(found) = registry.find(&line) else { return };
        let caller = Caller { client: Some(id), db, now_ms, may_wait: true };
        let begin = self.state.outbox.len();
        match self.call(caller, found) {
            Ran::Waits(_) => {}
            ran => {
                self.stop_waiting(id);
                self.answer(id, &line, Some(ran.reply()), begin);
            }
        }
    }

    /// The wait is over without what was waited for.
    fn end_wait(&mut self, id: ClientId, answer: Option<Reply>) {
        let Some(wait) = self.stop_waiting(id) else { return };
        let line: Args = match wait.resume {
            Resume::Command { line, .. } | Resume::Paused { line } => line,
            Resume::Never => Args::from([]),
        };
        let begin = self.state.outbox.len();
        self.answer(id, &line, Some(answer.unwrap_or(wait.otherwise)), begin);
    }

    fn stop_waiting(&mut self, id: ClientId) -> Option<Wait> {
        let wait = self.state.clients.get_mut(id)?.wait.take()?;
        self.state.stop_waiting(id, &wait);
        Some(wait)
    }

    /// The pause is over: what was held back is carried out, in order, until the next pause.
    fn let_paused_go_on(&mut self, now_ms: u64) {
        while self.state.pause.is_none()
            && let Some(id) = self.state.waiting.paused.pop_front()
        {
            let Some(Wait { resume: Resume::Paused { line }, .. }) = self.stop_waiting(id) else { continue };
            let begin = self.state.outbox.len();
            let reply = self.dispatch(id, &line, now_ms);
            self.answer(id, &line, reply, begin);
        }
    }
}

/// The reply that a command's effect may depend on.
fn ran_reply(ran: &Ran) -> Option<&Reply> {
    match ran {
        Ran::Replied(reply) => Some(reply),
        Ran::Silent | Ran::Waits(_) => None,
    }
}

/// Whether a pause of writes concerns the command.
fn changes_something(found: &Found<'_>) -> bool {
    may_write(found.spec) || found.spec.flags.contains(Flags::PUBSUB) && found.command.name.ends_with("publish")
}

/// Whether a key that was written may let a waiting command go on: it holds the type that the command is about.
/// A stream that is gone lets a reader of a group know.
fn suits(command: &str, value: Option<&Value>) -> bool {
    match (command, value) {
        ("xreadgroup", Some(Value::Stream(_)) | None) => true,
        ("xread", Some(Value::Stream(_))) => true,
        ("xread" | "xreadgroup", _) => false,
        ("bzpopmin" | "bzpopmax" | "bzmpop", value) => matches!(value, Some(Value::Zset(_))),
        (_, value) => matches!(value, Some(Value::List(_))),
    }
}

fn would_wait(found: &Found<'_>) -> Reply {
    let name = found.spec.name.to_ascii_uppercase();
    Reply::error(format!("ERR blocking is not available here, and {name} would have to wait"))
}

fn needs_connection(name: &str) -> Error {
    errors::custom(format!("'{}' is about a connection and is not available here", name.replace('|', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Args {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    fn drained(store: &mut Store) -> Vec<Change> {
        let mut all = Vec::new();
        store.drain_changes(|change| all.push(change));
        all
    }

    fn key(name: &'static str) -> Change {
        Change::Key { db: 0, key: name.into() }
    }

    #[test]
    fn a_transaction_is_done_whole_or_not_at_all() {
        let mut store = Store::new(Config::default());
        for bad in ["NOSUCH a", "GET", "GET a b"] {
            let reply = store.transaction(&[line("SET a 1"), line(bad)], 0);
            assert_eq!(reply.as_error().unwrap().code, "EXECABORT", "{bad}");
        }
        assert!(drained(&mut store).is_empty());
        let reply = store.transaction(&[line("SET a x"), line("INCR a"), line("GET a")], 0);
        let error = Reply::error("ERR value is not an integer or out of range");
        assert_eq!(reply, Reply::Array(vec![Reply::OK, error, Reply::bulk("x")]));
        assert_eq!(drained(&mut store), [key("a")]);
        assert_eq!(store.transaction(&[], 0), Reply::Array(vec![]));
    }

    #[test]
    fn keys_end_at_their_deadline_and_not_more_at_once_than_allowed() {
        let mut store = Store::new(Config::default());
        for (name, ms) in [("a", 30), ("b", 10), ("c", 20), ("d", 90)] {
            store.execute(&line(&format!("SET {name} x PX {ms}")), 1000);
        }
        drained(&mut store);
        assert_eq!(store.next_expiry_ms(), Some(1010));
        assert_eq!(store.expires_at_ms(0, &["a".into(), "c".into(), "none".into()]), Some(1020));
        assert_eq!(store.expire(1009, 10), 0);
        assert_eq!(store.expire(1030, 2), 2);
        assert_eq!(drained(&mut store), [key("b"), key("c")]);
        assert_eq!(store.expire(1030, 2), 1);
        assert_eq!(drained(&mut store), [key("a")]);
        assert_eq!((store.next_expiry_ms(), store.keys(0)), (Some(1090), 1));
        store.execute(&line("PERSIST d"), 1030);
        assert_eq!((store.next_expiry_ms(), store.expire(u64::MAX, 10)), (None, 0));
    }

    #[test]
    fn a_key_changed_twice_by_one_command_is_told_once() {
        let mut store = Store::new(Config::default());
        store.execute(&line("MSET a 1 b 2 a 3"), 0);
        assert_eq!(drained(&mut store), [key("a"), key("b")]);
        store.execute(&line("SET a 1"), 0);
        store.execute(&line("SET a 1"), 0);
        assert_eq!(drained(&mut store), [key("a"), key("a")], "but each command tells");
    }

    #[test]
    fn databases_are_apart() {
        let mut store = Store::new(Config::default());
        store.execute_in(3, &line("SET a 1"), 0);
        assert_eq!(drained(&mut store), [Change::Key { db: 3, key: "a".into() }]);
        assert_eq!(store.execute(&line("GET a"), 0), Reply::Null);
        assert_eq!((store.keys(0), store.keys(3), store.keys(99)), (0, 1, 0));
    }
}
