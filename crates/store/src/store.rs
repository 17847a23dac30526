//! The store: databases, commands, and what happened.

use crate::changes::{Change, Changes};
use crate::commands::{Found, Registry};
use crate::db::Db;
use crate::db::txn::{State, Statistics, Txn};
use crate::errors;
use crate::pubsub::{PubSub, Published};
use crate::random::Random;
use crate::types::stream::Stream;
use crate::types::{Value, dict};
use bytes::Bytes;
use model::backend::ChannelName;
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
    registry: Registry,
}

impl Store {
    /// A store without keys.
    pub fn new(config: Config) -> Store {
        let random = Random::new(config.seed);
        let seed = random.next();
        let hasher = dict::hasher(random.next());
        let databases = (0..config.databases.max(1)).map(|_| Db::new(random.next())).collect();
        let (changes, pubsub) = (Changes::new(hasher.clone()), PubSub::new(&hasher));
        let registry = Registry::new();
        Store { state: State { databases, changes, pubsub, random, statistics: Statistics::default(), seed }, registry }
    }

    /// Carries out one command in database 0. `now_ms` is milliseconds since 1970 and must not fall.
    pub fn execute(&mut self, command: &[Bytes], now_ms: u64) -> Reply {
        self.execute_in(0, command, now_ms)
    }

    /// Carries out one command in a database, which must exist.
    pub fn execute_in(&mut self, db: usize, command: &[Bytes], now_ms: u64) -> Reply {
        match self.registry.find(command) {
            Ok(found) => self.run(db, found, now_ms),
            Err(error) => Reply::error(error.to_string()),
        }
    }

    /// Carries out the commands of a MULTI/EXEC in database 0. The answer is an array of their replies, errors of single
    /// commands included; `EXECABORT`, and nothing done, if one of them is unknown or has a wrong number of arguments.
    pub fn transaction(&mut self, commands: &[Args], now_ms: u64) -> Reply {
        let found: Result<Vec<_>, _> = commands.iter().map(|command| self.registry.find(command)).collect();
        match found {
            Ok(found) => Reply::Array(found.into_iter().map(|command| self.run(0, command, now_ms)).collect()),
            Err(_) => Reply::error("EXECABORT Transaction discarded because of previous errors."),
        }
    }

    fn run(&mut self, db: usize, (command, args): Found<'_>, now_ms: u64) -> Reply {
        self.state.statistics.started_ms.get_or_insert(now_ms);
        self.state.statistics.commands += 1;
        let reply = self.with_txn(db, now_ms, |txn| command.run(txn, args));
        reply.unwrap_or_else(|error| Reply::error(error.to_string()))
    }

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

    /// Takes the changes since the last call, in order.
    pub fn drain_changes(&mut self, each: impl FnMut(Change)) {
        self.state.changes.drain(each);
    }

    /// Takes the messages published since the last call that somebody receives, in order.
    pub fn drain_published(&mut self, each: impl FnMut(Published)) {
        self.state.pubsub.drain(each);
    }

    /// Counts one more subscription of a channel or pattern.
    pub fn subscribe(&mut self, name: &ChannelName) {
        self.state.pubsub.subscribe(name);
    }

    /// Counts one less.
    pub fn unsubscribe(&mut self, name: &ChannelName) {
        self.state.pubsub.unsubscribe(name);
    }

    /// When the next key ends, in milliseconds since 1970; in the past if one is due.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.state.databases.iter().filter_map(Db::next_deadline_ms).min()
    }

    /// Removes keys that are due, at most `keys_max` of them, and records them as changes. How many they were: fewer
    /// than `keys_max` means that none is due any more.
    pub fn expire(&mut self, now_ms: u64, keys_max: usize) -> usize {
        let mut removed = 0;
        for (number, db) in self.state.databases.iter_mut().enumerate() {
            while removed < keys_max
                && let Some(key) = db.pop_due(now_ms)
            {
                self.state.changes.key(number, key);
                removed += 1;
            }
        }
        self.state.statistics.expired += removed as u64;
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
