//! Effects on their way to the log, as the bytes they have there.
//!
//! While a command or a transaction runs, its effects gather behind those of earlier ones; when it is done they are a unit: a
//! command alone, or several between `MULTI` and `EXEC`, so that a log cut off in the middle of them is cut off before
//! the first.

use super::encode::{Encoder, line};
use super::rewrite::Rewrite;
use crate::db::Db;
use crate::garbage::Garbage;
use bytes::Bytes;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// What was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Somebody takes it.
    pub(crate) is_kept: bool,
    /// Whole units, and behind them the one at hand.
    bytes: Vec<u8>,
    encoder: Encoder,
    /// Where the first command of the unit at hand is.
    unit_at: usize,
    /// How many commands the unit at hand has.
    unit_commands: usize,
    /// What the command at hand said in place of itself.
    instead: Option<Vec<Vec<Bytes>>>,
    rewrite: Option<Box<Rewrite>>,
}

impl Log {
    /// A log is kept from now on, or none. What comes next is the beginning of a file.
    pub(crate) fn keep(&mut self, keep: bool) {
        *self = Log { is_kept: keep, ..Log::default() };
    }

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
    pub(crate) fn command<W: AsRef<[u8]>>(&mut self, db: usize, words: &[W]) {
        if !self.is_kept {
            return;
        }
        self.encoder.select(db, &mut self.bytes);
        if self.unit_commands == 0 {
            self.unit_at = self.bytes.len();
        }
        self.unit_commands += 1;
        line(words, &mut self.bytes);
    }

    /// The command is done.
    pub(crate) fn commit(&mut self) {
        self.commit_together(false);
    }

    /// The command or transaction is done; `together`: it is a unit though it had but one effect.
    pub(crate) fn commit_together(&mut self, together: bool) {
        if self.unit_commands > 1 || together && self.unit_commands == 1 {
            self.bytes.splice(self.unit_at..self.unit_at, MULTI.iter().copied());
            self.bytes.extend_from_slice(EXEC);
        }
        self.unit_commands = 0;
    }

    /// Moves what there is behind `out`.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        debug_assert_eq!(self.unit_commands, 0, "between two commands");
        out.append(&mut self.bytes);
    }

    pub(crate) fn is_rewriting(&self) -> bool {
        self.rewrite.is_some()
    }

    /// The mark: what comes next is the beginning of a file. Whether it began; there is one rewrite at a time.
    pub(crate) fn begin_rewrite(&mut self, databases: &[Db]) -> bool {
        if self.rewrite.is_some() {
            return false;
        }
        debug_assert!(self.bytes.is_empty(), "what came before the mark was taken");
        self.encoder = Encoder::default();
        self.rewrite = Some(Box::new(Rewrite::new(databases)));
        true
    }

    pub(crate) fn abort_rewrite(&mut self, garbage: &mut Garbage) {
        self.rewrite.take().into_iter().for_each(|rewrite| garbage.rewrite(rewrite));
    }

    /// Whether the rewrite is through; so is one that is not under way.
    pub(crate) fn rewrite_step(
        &mut self,
        databases: &[Db],
        bytes_max: usize,
        garbage: &mut Garbage,
        out: &mut Vec<u8>,
    ) -> bool {
        let done = self.rewrite.as_mut().is_none_or(|rewrite| rewrite.step(databases, bytes_max, garbage, out));
        if done {
            self.abort_rewrite(garbage);
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
