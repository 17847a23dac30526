//! Effects on their way to the log.
//!
//! While a command or a transaction runs, its effects gather here; when it is done they become one unit: a command
//! alone, or several between [`Effect::Begin`] and [`Effect::End`], so that a log cut off in the middle of them is
//! cut off before the first.

use crate::db::Db;
use bytes::Bytes;

/// A step of the log, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The commands up to [`Effect::End`] belong together: `MULTI`.
    Begin,
    /// A command that writes.
    Command {
        /// The database it is meant for.
        db: usize,
        /// Its name and arguments.
        words: Vec<Bytes>,
    },
    /// `EXEC`
    End,
}

/// The effects that were not drained yet.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Somebody drains them.
    pub(crate) is_kept: bool,
    effects: Vec<Effect>,
    /// Those of the command or transaction at hand.
    unit: Vec<Effect>,
    /// What the command at hand said in place of itself.
    instead: Option<Vec<Vec<Bytes>>>,
}

impl Log {
    /// The command at hand is logged as these commands.
    pub(crate) fn instead(&mut self, commands: Vec<Vec<Bytes>>) {
        if self.is_kept {
            self.instead.get_or_insert_default().extend(commands);
        }
    }

    /// What the command at hand said in place of itself.
    pub(crate) fn take_instead(&mut self) -> Option<Vec<Vec<Bytes>>> {
        self.instead.take()
    }

    /// One more command of the unit at hand.
    pub(crate) fn command(&mut self, db: usize, words: Vec<Bytes>) {
        if self.is_kept {
            self.unit.push(Effect::Command { db, words });
        }
    }

    /// The command is done.
    pub(crate) fn commit(&mut self) {
        self.commit_together(self.unit.len() > 1);
    }

    /// The command or transaction is done.
    pub(crate) fn commit_together(&mut self, together: bool) {
        let together = together && !self.unit.is_empty();
        self.effects.extend(together.then_some(Effect::Begin));
        self.effects.append(&mut self.unit);
        self.effects.extend(together.then_some(Effect::End));
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Effect)) {
        self.effects.drain(..).for_each(each);
    }

    pub(crate) fn is_rewriting(&self) -> bool {
        false
    }

    pub(crate) fn before_write(&mut self, _db: usize, _key: &[u8], _keys: &Db) {}

    pub(crate) fn cleared(&mut self, _db: usize, cleared: Db) -> Option<Db> {
        Some(cleared)
    }

    pub(crate) fn swapped(&mut self, _a: usize, _b: usize) {}
}
