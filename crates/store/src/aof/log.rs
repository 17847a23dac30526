//! Effects on their way to the log.
//!
//! While a command or a transaction runs, its effects gather here; when it is done they become one unit: a command
//! alone, or several between [`Effect::Begin`] and [`Effect::End`], so that a log cut off in the middle of them is
//! cut off before the first.

use super::rewrite::Rewrite;
use crate::db::Db;
use bytes::Bytes;

/// A step of the log, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The commands up to [`Effect::End`] belong together: `MULTI`.
    Begin {
        /// The database that the first of them is meant for.
        db: usize,
    },
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
    rewrite: Option<Box<Rewrite>>,
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
        if together && let Some(Effect::Command { db, .. }) = self.unit.first() {
            self.effects.push(Effect::Begin { db: *db });
        }
        self.effects.append(&mut self.unit);
        self.effects.extend(together.then_some(Effect::End));
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Effect)) {
        self.effects.drain(..).for_each(each);
    }

    pub(crate) fn is_rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    pub(crate) fn begin_rewrite(&mut self, databases: usize) -> bool {
        let begins = self.rewrite.is_none();
        self.rewrite.get_or_insert_with(|| Box::new(Rewrite::new(databases)));
        begins
    }

    pub(crate) fn abort_rewrite(&mut self) {
        self.rewrite = None;
    }

    /// Whether the rewrite is through; so is one that is not under way.
    pub(crate) fn rewrite_step(&mut self, databases: &[Db], bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let done = self.rewrite.as_mut().is_none_or(|rewrite| rewrite.step(databases, bytes_max, out));
        if done {
            self.rewrite = None;
        }
        done
    }

    /// A key is about to change.
    pub(crate) fn before_write(&mut self, db: usize, key: &[u8], keys: &Db) {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.before_write(db, key, keys);
        }
    }

    /// A database was emptied; its keys come back if no rewrite needs them.
    pub(crate) fn cleared(&mut self, db: usize, cleared: Db) -> Option<Db> {
        match &mut self.rewrite {
            Some(rewrite) => rewrite.cleared(db, cleared),
            None => Some(cleared),
        }
    }

    /// Two databases were exchanged.
    pub(crate) fn swapped(&mut self, a: usize, b: usize) {
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.swapped(a, b);
        }
    }
}
