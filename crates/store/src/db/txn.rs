//! All that a command may touch.
//!
//! Reads take `&self`: they cannot change anything, so nothing needs to be recorded, and several values can be looked
//! at together. Writes go through a few methods that say whether something changed, and record the key if so. There
//! is no other way to a value, so no command can change a key and forget to tell.

use super::{Db, Entry};
use crate::client::{Client, ClientId, Touch};
use crate::errors;
use crate::events::Classes;
use crate::random::Random;
use crate::room::Room;
use crate::state::State;
use crate::types::{Kind, Value};
use ahash::AHashSet;
use bytes::Bytes;
use model::Error;

/// One command's access to the store, at one moment, in one database.
#[derive(Debug)]
pub struct Txn<'a> {
    pub(crate) state: &'a mut State,
    db: usize,
    now_ms: u64,
}

/// What a write did, and what the command wants to know of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edit<R> {
    /// Whether the value is another than before (as Redis signals it: writing an equal value counts where it does there).
    pub changed: bool,
    /// For the command.
    pub result: R,
}

impl<R> Edit<R> {
    /// Something changed.
    pub fn changed(result: R) -> Edit<R> {
        Edit { changed: true, result }
    }

    /// Nothing changed.
    pub fn unchanged(result: R) -> Edit<R> {
        Edit { changed: false, result }
    }

    /// Something changed if `changed`.
    pub fn when(changed: bool, result: R) -> Edit<R> {
        Edit { changed, result }
    }
}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deadline {
    /// It stays as it is.
    Keep,
    /// The key has none.
    Never,
    /// The key ends then, in milliseconds since 1970.
    At(u64),
}

impl<'a> Txn<'a> {
    pub(crate) fn new(state: &'a mut State, db: usize, now_ms: u64) -> Txn<'a> {
        Txn { state, db, now_ms }
    }

    /// A client that is connected.
    pub(crate) fn client(&self, id: ClientId) -> &Client {
        self.state.clients.get(id).expect("a command comes from a client that is there")
    }

    /// A client that is connected.
    pub(crate) fn client_mut(&mut self, id: ClientId) -> &mut Client {
        self.state.clients.get_mut(id).expect("a command comes from a client that is there")
    }

    /// Publishes a keyspace event that does not follow from the command's name and the keys it touched.
    pub(crate) fn notify(&mut self, class: Classes, event: &'static str, key: &Bytes) {
        self.state.notify(class, event, self.db, key);
    }

    /// What the log is to have in place of the command as it came; nothing, for an empty list.
    pub(crate) fn log_as(&mut self, commands: Vec<Vec<Bytes>>) {
        self.state.log.instead(commands);
    }

    /// The command's moment, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The number of the database.
    pub fn database(&self) -> usize {
        self.db
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.state.databases.len()
    }

    /// The database, for walks over its keys.
    pub fn db(&self) -> &Db {
        &self.state.databases[self.db]
    }

    /// What the reply may hold.
    pub fn room(&self) -> Room {
        self.state.room
    }

    /// The source of random choices.
    pub fn random(&self) -> &Random {
        &self.state.random
    }

    /// For the hashing of values made outside of a write.
    pub fn seed(&self) -> u64 {
        self.state.seed
    }

    /// The key's entry, if it exists.
    pub fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.db().get(key, self.now_ms)
    }

    /// Whether the key exists.
    pub fn exists(&self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// The key's value, whatever its type. This is a use of the key; to look at it without using it, there is `entry`.
    pub fn value(&self, key: &[u8]) -> Option<&Value> {
        let entry = self.entry(key);
        let counter = if entry.is_some() { &self.state.statistics.hits } else { &self.state.statistics.misses };
        counter.set(counter.get() + 1);
        let entry = entry?;
        if !self.state.running.no_touch {
            entry.touch(self.now_ms);
        }
        Some(&entry.value)
    }

    /// The key's value as this type: [`Text`](crate::types::Text), [`List`](crate::types::List), [`Set`](crate::types::Set), …
    /// `WRONGTYPE` if it is of another.
    pub fn read<T: Kind>(&self, key: &[u8]) -> Result<Option<&T>, Error> {
        let Some(value) = self.value(key) else { return Ok(None) };
        T::of(value).map(Some).ok_or(errors::WRONG_TYPE)
    }

    /// When the key ends; `None` if it does not exist or has no deadline.
    pub fn deadline_ms(&self, key: &[u8]) -> Option<u64> {
        self.entry(key)?.deadline_ms()
    }

    /// Changes the key's value in place; one without elements is made first if the key is missing. The key is recorded
    /// if `edit` says so, a new key is kept only then, and a value left without elements is removed with its key.
    /// The deadline stays. `WRONGTYPE` if the key holds another type.
    pub fn write<T: Kind, R>(&mut self, key: &Bytes, edit: impl FnOnce(&mut T) -> Edit<R>) -> Result<R, Error> {
        self.try_write(key, |value| Ok(edit(value)))
    }

    /// Like [`Txn::write`], with an `edit` that can fail. One that fails must have changed nothing.
    pub fn try_write<T: Kind, R>(
        &mut self,
        key: &Bytes,
        edit: impl FnOnce(&mut T) -> Result<Edit<R>, Error>,
    ) -> Result<R, Error> {
        let mut edit = Some(edit);
        if let Some(edited) = self.edit_existing(key, &mut edit) {
            return edited;
        }
        let edit = edit.expect("it is not used where there is no key");
        let mut value = T::empty(self.state.seed);
        let Edit { changed, result } = edit(&mut value)?;
        if changed {
            self.set(key, value.into_value(), Deadline::Never);
        }
        Ok(result)
    }

    /// Like [`Txn::write`], but a missing key stays missing: then `edit` is not called and the answer is `None`.
    pub fn update<T: Kind, R>(
        &mut self,
        key: &Bytes,
        edit: impl FnOnce(&mut T) -> Edit<R>,
    ) -> Result<Option<R>, Error> {
        self.try_update(key, |value| Ok(edit(value)))
    }

    /// Like [`Txn::update`], with an `edit` that can fail. One that fails must have changed nothing.
    pub fn try_update<T: Kind, R>(
        &mut self,
        key: &Bytes,
        edit: impl FnOnce(&mut T) -> Result<Edit<R>, Error>,
    ) -> Result<Option<R>, Error> {
        self.edit_existing(key, &mut Some(edit)).transpose()
    }

    /// Like [`Txn::try_update`], for what readers of the key are not told of, as Redis does not: only the log is to have it.
    pub fn try_update_quietly<T: Kind, R>(
        &mut self,
        key: &Bytes,
        edit: impl FnOnce(&mut T) -> Result<Edit<R>, Error>,
    ) -> Result<Option<R>, Error> {
        let Some(edited) = self.edit_in_place(key, &mut Some(edit)) else { return Ok(None) };
        let (Edit { changed, result }, _) = edited?;
        if changed {
            self.state.running.touches += 1;
        }
        Ok(Some(result))
    }

    /// Makes the key hold this value, whatever it held, and records it. A value without elements, or a deadline that
    /// has come, removes the key instead.
    pub fn set(&mut self, key: &Bytes, value: Value, deadline: Deadline) {
        let deadline_ms = match deadline {
            Deadline::Keep => self.deadline_ms(key),
            Deadline::Never => None,
            Deadline::At(ms) => Some(ms),
        };
        if value.is_gone() || deadline_ms.is_some_and(|deadline| deadline <= self.now_ms) {
            self.delete(key);
            return;
        }
        self.settle_expiry(key);
        self.before_write(key);
        let now_ms = self.now_ms;
        let old = self.db_mut().insert(key, value, deadline_ms, now_ms);
        let touch = if old.is_some() { Touch::Changed } else { Touch::Created };
        old.into_iter().for_each(|old| self.state.garbage.value(old));
        self.record(key, touch);
    }

    /// Removes the key, records that, and gives what it held; `None`, and nothing recorded, if it did not exist.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        self.settle_expiry(key);
        self.before_write(key);
        let entry = self.db_mut().remove(key)?;
        self.record(&Bytes::copy_from_slice(key), Touch::Removed);
        Some(entry)
    }

    /// Removes the key as [`Txn::remove`] does, and frees what it held; whether it existed.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let removed = self.remove(key);
        let existed = removed.is_some();
        removed.into_iter().for_each(|entry| self.state.garbage.value(entry.value));
        existed
    }

    /// Gives an existing key a deadline, or none, and records it. One that has come removes the key. Whether it exists.
    pub fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) -> bool {
        if !self.exists(key) {
            return false;
        }
        if deadline_ms.is_some_and(|deadline| deadline <= self.now_ms) {
            return self.delete(key);
        }
        self.before_write(key);
        self.db_mut().set_deadline(key, deadline_ms);
        let key = Bytes::copy_from_slice(key);
        self.record(&key, Touch::Deadline);
        true
    }

    /// Removes all keys of a database, which must exist.
    pub fn clear(&mut self, db: usize) {
        if self.state.databases[db].is_empty() {
            return;
        }
        let cleared = self.state.databases[db].take();
        let now_ms = self.now_ms;
        self.state.touched_all(db, |key| cleared.get(key, now_ms).is_some());
        if let Some(cleared) = self.state.log.cleared(db, cleared) {
            self.state.garbage.database(cleared);
        }
    }

    /// Exchanges two databases, both of which must exist.
    pub fn swap_databases(&mut self, a: usize, b: usize) {
        self.state.databases.swap(a, b);
        self.state.log.swapped(a, b);
        for (db, other) in [(a, b), (b, a)] {
            let databases = &self.state.databases;
            let holds = |key: &Bytes| [db, other].iter().any(|&db| databases[db].get(key, 0).is_some());
            let watched: Vec<Bytes> = self.state.watches.keys(db).map(|(key, _)| key.clone()).collect();
            let held: AHashSet<Bytes> = watched.into_iter().filter(holds).collect();
            self.state.touched_all(db, |key| held.contains(key));
        }
    }

    /// Works in another database, which must exist.
    pub fn in_database<R>(&mut self, db: usize, work: impl FnOnce(&mut Txn<'_>) -> R) -> R {
        work(&mut Txn { state: self.state, db, now_ms: self.now_ms })
    }

    /// Takes `edit` and carries it out; `None`, and `edit` left, if the key does not exist.
    fn edit_existing<T: Kind, R, E>(&mut self, key: &Bytes, edit: &mut Option<E>) -> Option<Result<R, Error>>
    where
        E: FnOnce(&mut T) -> Result<Edit<R>, Error>,
    {
        let edited = self.edit_in_place(key, edit)?;
        Some(edited.map(|(Edit { changed, result }, gone)| {
            if gone {
                self.db_mut().remove(key);
            }
            if changed || gone {
                self.record(key, if gone { Touch::Emptied } else { Touch::Changed });
            }
            result
        }))
    }

    /// Like [`Txn::edit_existing`], with nothing recorded: what the edit did, and whether it left the value without elements.
    fn edit_in_place<T: Kind, R, E>(
        &mut self,
        key: &Bytes,
        edit: &mut Option<E>,
    ) -> Option<Result<(Edit<R>, bool), Error>>
    where
        E: FnOnce(&mut T) -> Result<Edit<R>, Error>,
    {
        self.before_write(key);
        let now_ms = self.now_ms;
        self.db_mut().edit(key, now_ms, |value| {
            let typed = T::of_mut(value).ok_or(errors::WRONG_TYPE)?;
            let edit = edit.take().expect("a key has one value")(typed)?;
            Ok((edit, value.is_gone()))
        })
    }

    /// Before a key is written or removed: if its deadline has come, it ends first.
    fn settle_expiry(&mut self, key: &[u8]) {
        if self.db().is_due(key, self.now_ms) {
            self.state.end(self.db, key, Touch::Expired);
        }
    }

    /// A rewrite of the log that is under way has the key as it was.
    fn before_write(&mut self, key: &[u8]) {
        self.state.before_write(self.db, key);
    }

    fn db_mut(&mut self) -> &mut Db {
        &mut self.state.databases[self.db]
    }

    fn record(&mut self, key: &Bytes, touch: Touch) {
        self.state.touched(self.db, key, touch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{List, Text};
    use crate::{Change, Config, Store};

    fn changes(store: &mut Store) -> usize {
        let mut count = 0;
        store.drain_changes(|change| {
            assert!(matches!(change, Change::Key { db: 0, key } if key == "k"));
            count += 1;
        });
        count
    }

    #[test]
    fn only_what_changed_is_recorded() {
        let mut store = Store::new(Config::default());
        let key = Bytes::from_static(b"k");
        let push = |list: &mut List| {
            list.push_back(b"x");
            Edit::changed(())
        };
        store.with_txn(0, 0, |txn| txn.update(&key, push)).unwrap();
        assert_eq!(changes(&mut store), 0, "a missing key is not updated");
        store.with_txn(0, 0, |txn| txn.write(&key, |_: &mut List| Edit::unchanged(()))).unwrap();
        assert_eq!((changes(&mut store), store.with_txn(0, 0, |txn| txn.exists(&key))), (0, false));
        store.with_txn(0, 0, |txn| txn.write(&key, push)).unwrap();
        assert_eq!(changes(&mut store), 1);
        store.with_txn(0, 0, |txn| txn.write(&key, |_: &mut List| Edit::unchanged(()))).unwrap();
        assert_eq!(changes(&mut store), 0);
        store
            .with_txn(0, 0, |txn| {
                txn.write(&key, |list: &mut List| {
                    list.keep(0..0);
                    Edit::changed(())
                })
            })
            .unwrap();
        assert_eq!((changes(&mut store), store.with_txn(0, 0, |txn| txn.exists(&key))), (1, false));
    }

    #[test]
    fn a_due_key_is_gone_for_reads_and_ends_before_a_write() {
        let mut store = Store::new(Config::default());
        let key = Bytes::from_static(b"k");
        store.with_txn(0, 10, |txn| txn.set(&key, Value::Str(Text::new(b"old")), Deadline::At(20)));
        assert_eq!(changes(&mut store), 1);
        assert!(store.with_txn(0, 19, |txn| txn.exists(&key)));
        assert!(!store.with_txn(0, 20, |txn| txn.exists(&key)));
        assert_eq!(changes(&mut store), 0, "a look changes nothing");
        assert!(store.with_txn(0, 20, |txn| txn.remove(&key)).is_none());
        assert_eq!(changes(&mut store), 1, "its end is told");
        store.with_txn(0, 10, |txn| txn.set(&key, Value::Str(Text::new(b"old")), Deadline::At(20)));
        store.with_txn(0, 20, |txn| txn.set(&key, Value::Str(Text::new(b"new")), Deadline::Keep));
        assert_eq!(store.with_txn(0, 20, |txn| txn.deadline_ms(&key)), None, "a deadline that has come is not kept");
        assert_eq!(store.next_expiry_ms(), None);
    }
}
