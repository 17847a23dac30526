//! Who was refused what: the entries of `ACL LOG`. What happens again within a minute is counted with what happened before.

use bytes::Bytes;
use std::collections::VecDeque;

/// Entries that are looked through for the same thing, the newest first; as in Redis.
const COMPARED_MAX: usize = 10;
/// For so long the same thing is one entry, in milliseconds; as in Redis.
const TOGETHER_MS: u64 = 60_000;
/// Of keys and names no more is kept, in bytes.
const OBJECT_BYTES_MAX: usize = 1024;

/// What was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// A name and a password.
    Auth,
}

/// Where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// By itself.
    Toplevel,
    /// In a transaction.
    Multi,
}

/// One refusal, or several that are the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// How many.
    pub count: u64,
    /// What was refused.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel; `AUTH` or `HELLO`.
    pub object: Bytes,
    /// Whom; of who did not come in, the name that was given.
    pub user: Bytes,
    /// When last, in milliseconds since 1970.
    pub at_ms: u64,
    /// The client, as `CLIENT INFO` shows it.
    pub client: Box<str>,
}

/// The entries, the newest first.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    refusals: u64,
}

impl Log {
    /// Notes an entry, of which there are at most so many afterwards.
    pub fn add(&mut self, mut entry: Entry, entries_max: usize) {
        self.refusals += entry.count;
        // A part of a buffer that is not to be kept, or too much.
        entry.object = Bytes::copy_from_slice(&entry.object[..entry.object.len().min(OBJECT_BYTES_MAX)]);
        entry.user = Bytes::copy_from_slice(&entry.user[..entry.user.len().min(OBJECT_BYTES_MAX)]);
        let same = self.entries.iter().take(COMPARED_MAX).position(|old| old.is_same(&entry));
        if let Some(old) = same.and_then(|at| self.entries.remove(at)) {
            entry.count += old.count;
        }
        self.entries.push_front(entry);
        self.entries.truncate(entries_max);
    }

    /// The newest entries first.
    pub fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many refusals there ever were.
    pub fn refusals(&self) -> u64 {
        self.refusals
    }
}

impl Entry {
    fn is_same(&self, other: &Entry) -> bool {
        self.reason == other.reason
            && self.context == other.context
            && self.at_ms.abs_diff(other.at_ms) <= TOGETHER_MS
            && self.object == other.object
            && self.user == other.user
    }
}

impl Reason {
    /// As `ACL LOG` names it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

impl Context {
    /// As `ACL LOG` names it.
    pub fn name(self) -> &'static str {
        match self {
            Context::Toplevel => "toplevel",
            Context::Multi => "multi",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(object: &'static str, at_ms: u64) -> Entry {
        Entry {
            count: 1,
            reason: Reason::Key,
            context: Context::Toplevel,
            object: object.into(),
            user: "ann".into(),
            at_ms,
            client: "".into(),
        }
    }

    fn shown(log: &Log) -> Vec<(Bytes, u64)> {
        log.newest().map(|entry| (entry.object.clone(), entry.count)).collect()
    }

    #[test]
    fn what_happens_again_is_counted_for_a_minute_and_no_more_is_kept_than_may() {
        let mut log = Log::default();
        log.add(entry("a", 1000), 9);
        log.add(entry("b", 2000), 9);
        log.add(entry("a", 61_000), 9);
        assert_eq!(shown(&log), [("a".into(), 2), ("b".into(), 1)], "the newest is first");
        log.add(entry("a", 121_001), 9);
        assert_eq!(shown(&log), [("a".into(), 1), ("a".into(), 2), ("b".into(), 1)]);
        log.add(Entry { context: Context::Multi, ..entry("a", 121_001) }, 2);
        assert_eq!(shown(&log), [("a".into(), 1), ("a".into(), 1)]);
        assert_eq!(log.refusals(), 5);
        log.clear();
        log.add(entry("a", 1), 0);
        assert!(shown(&log).is_empty());
    }

    #[test]
    fn long_names_are_cut() {
        let mut log = Log::default();
        log.add(Entry { object: vec![b'x'; 5000].into(), ..entry("", 1) }, 9);
        assert_eq!(shown(&log)[0].0.len(), OBJECT_BYTES_MAX);
    }
}
