//! The store: runs commands, for clients and for its owner, and settles what follows from each.
//!
//! A command of a client passes these stations, in Redis' order: is it known and complete, is it allowed now (a
//! transaction, RESP2 with subscriptions, a pause, memory), is it queued; then it runs. What follows is settled when it, or
//! the whole transaction, is done: its effects go to the log as one unit, broadcasts of tracking go out, and clients that
//! waited for what it wrote go on, each as a unit of its own.

mod dispatch;
mod run;
mod wait;

use crate::aof;
use crate::changes::{Change, Changes};
use crate::client::{Client, ClientId, Output, Peer, ReplyMode, Touch};
use crate::commands::{Found, Registry};
use crate::db::Db;
#[cfg(test)]
use crate::db::txn::Txn;
use crate::errors;
use crate::garbage::Discarded;
use crate::pubsub::{PubSub, Published};
use crate::random::Random;
use crate::room::Room;
use crate::settings::Settings;
use crate::state::{Persistence, State, may_hold_password};
use crate::types::stream::Stream;
use crate::types::{Value, dict};
use bytes::Bytes;
use model::backend::ChannelName;
use model::stream::StreamRange;
use model::{Args, EntryId, Error, Reply};
pub(crate) use run::Caller;
use run::Ran;

/// How a store is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// For hashing and for random members. Must not be known to clients; a test takes a fixed one.
    pub seed: u64,
    /// How many databases there are; at least one.
    pub databases: usize,
    /// What one reply to a client may hold, in bytes as [`Reply::size`] counts them, all replies of a transaction together:
    /// over it, the command is answered `TOOBIG`.
    pub client_reply_bytes_max: usize,
    /// The same for commands of the owner.
    pub owner_reply_bytes_max: usize,
}

/// More than the longest string, with some that are about as long.
const REPLY_BYTES_MAX: usize = 1 << 30;

impl Default for Config {
    fn default() -> Config {
        Config {
            seed: 0,
            databases: 16,
            client_reply_bytes_max: REPLY_BYTES_MAX,
            owner_reply_bytes_max: REPLY_BYTES_MAX,
        }
    }
}

/// An embedded Redis. See the crate's documentation for the loop its owner runs.
#[derive(Debug)]
pub struct Store {
    state: State,
    registry: &'static Registry,
}

/// The name of nobody.
static NO_NAME: Bytes = Bytes::new();
/// At most so many keys make room for one command, so that a lowered limit does not hold up everything.
pub(crate) const EVICTED_PER_COMMAND_MAX: usize = 128;

impl Store {
    /// A store without keys.
    pub fn new(config: Config) -> Store {
        // Random choices are seen by clients; from what they see they must not learn how the store hashes.
        let secret = dict::hasher(config.seed);
        let random = Random::new(secret.hash_one("random choices"));
        let seed = secret.hash_one("values");
        let hasher = dict::hasher(secret.hash_one("changes"));
        let databases: Vec<Db> = (0..config.databases.max(1)).map(|db| Db::new(secret.hash_one(db))).collect();
        let mut settings = Settings::default();
        settings.set_by_owner("databases", &databases.len().to_string());
        let registry = Registry::shared();
        let state = State {
            databases,
            reply_bytes_max: [config.owner_reply_bytes_max, config.client_reply_bytes_max],
            room: Room::new(0),
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
            candidates: Default::default(),
            pending: Default::default(),
            users: acl::Users::new(&registry.table),
            acl_log: Default::default(),
            secret: acl::Secret::new(first_secret(config.seed)),
        };
        Store { state, registry }
    }

    /// Carries out one command in database 0. `now_ms` is milliseconds since 1970 and must not fall.
    pub fn execute(&mut self, command: &[Bytes], now_ms: u64) -> Reply {
        self.execute_in(0, command, now_ms)
    }

    /// Carries out one command in a database, which must exist. Commands about connections, and commands that would
    /// have to wait, are refused.
    pub fn execute_in(&mut self, db: usize, command: &[Bytes], now_ms: u64) -> Reply {
        let caller = Caller { client: None, db, now_ms, may_wait: true, is_again: false };
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
        let caller = Caller { client: None, db: 0, now_ms, may_wait: false, is_again: false };
        let admitted = |store: &mut Store, line: &[Bytes]| {
            store.registry.find(line).and_then(|found| store.admit_write(&found, now_ms)).is_ok()
        };
        if !commands.iter().all(|command| admitted(self, command)) {
            return Reply::error(errors::EXEC_ABORT.to_string());
        }
        self.begin_reply(caller);
        let reply = self.run_all(caller, commands);
        self.settle(now_ms);
        reply
    }

    /// A connection of a client. It begins in database 0 and with RESP2.
    pub fn connect(&mut self, peer: Peer, now_ms: u64) -> ClientId {
        self.state.statistics.connections += 1;
        let id = self.state.clients.add(peer, now_ms);
        self.client(id).authenticated = self.state.is_open();
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
        self.state.clients.get(id).is_some() && self.state.must_be_authenticated(id).is_ok()
    }

    /// Whether the client is subscribed to anything.
    pub fn is_subscribed(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(Client::is_subscribed)
    }

    /// Whether the client is told of keys' changes: it tracks keys, or another has redirected to it.
    pub fn is_told_of_keys(&self, id: ClientId) -> bool {
        self.state.clients.get(id).is_some_and(|client| client.tracking.is_some() || client.is_redirected_to)
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
        let caller = Caller { client: None, db, now_ms: aof::TIMELESS_MS, may_wait: true, is_again: false };
        let reply = self.call(caller, found).reply();
        self.state.changes.drain(drop);
        Ok(reply)
    }

    /// What was carried out up to now was the log: counts begin, and all keys count as used now, in milliseconds since 1970.
    pub fn loading_is_over(&mut self, now_ms: u64) {
        self.state.databases.iter().for_each(|db| db.touch_all(now_ms));
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

    /// Sets what one reply may hold: see [`Config`].
    pub fn limit_replies(&mut self, owner_bytes_max: usize, client_bytes_max: usize) {
        self.state.reply_bytes_max = [owner_bytes_max, client_bytes_max];
    }

    /// Sets a setting that the owner knows better, and does what follows from it.
    pub fn set_by_owner(&mut self, name: &str, value: &str) {
        self.state.settings.set_by_owner(name, value);
        if name == "requirepass" {
            self.state.require_password();
        }
    }

    /// From 32 bytes that nobody knows `ACL GENPASS` makes passwords; until then from the seed.
    pub fn set_secret(&mut self, secret: [u8; 32]) {
        self.state.secret = acl::Secret::new(secret);
    }

    /// How many commands and passwords were ever refused to clients by the rules of their users.
    pub fn refusals(&self) -> u64 {
        self.state.acl_log.refusals()
    }

    /// The settings that `CONFIG` shows.
    pub fn settings(&self) -> &Settings {
        &self.state.settings
    }

    /// Tells of the owner's files, for the commands that ask.
    pub fn set_persistence(&mut self, persistence: Persistence) {
        self.state.persistence = persistence;
    }

    /// What was told of the owner's files.
    pub fn persistence(&self) -> &Persistence {
        &self.state.persistence
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

/// What is known of a store's seed is known of this.
fn first_secret(seed: u64) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..8].copy_from_slice(&seed.to_be_bytes());
    secret
}

fn would_wait(found: &Found<'_>) -> Reply {
    let name = found.spec.name.to_ascii_uppercase();
    Reply::error(format!("ERR blocking is not available here, and {name} would have to wait"))
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
