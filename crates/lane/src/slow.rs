//! What the backend takes long for: commands of clients, and reads of topics. Counted, and told as a notice.

use crate::lane::Lane;
use crate::notice::What;
use ahash::AHashMap;
use bytes::Bytes;
use model::backend::{BackendEvent, BackendRequest};
use model::{ConnId, FeedId, Time, WatchId};
use std::time::Duration;

/// Of a command's name, which may be anything, so many bytes are told.
const NAME_BYTES_MAX: usize = 32;

/// Something that was asked of the backend.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// When.
    pub since: Time,
    /// The command's first word.
    pub name: Bytes,
}

/// What is slow, and the reads that are at the backend.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What takes this long is slow; none: nothing is.
    pub slow: Option<Duration>,
    reads: AHashMap<WatchId, Asked>,
}

impl Lane {
    /// What takes the backend this long is counted and told from now on; none: nothing is.
    pub fn set_slow(&mut self, slow: Option<Duration>) {
        self.slow.slow = slow;
        if slow.is_none() {
            self.slow.reads = AHashMap::new();
        }
    }

    /// A read goes to the backend.
    pub(crate) fn note_asked(&mut self, request: &BackendRequest) {
        if self.slow.slow.is_none() {
            return;
        }
        let (watch, name) = match request {
            BackendRequest::Read { watch, command, .. } => (*watch, command.first().cloned().unwrap_or_default()),
            BackendRequest::Range { watch, .. } => (*watch, Bytes::from_static(b"XRANGE")),
            _ => return,
        };
        self.slow.reads.insert(watch, Asked { since: self.now, name });
    }

    /// The backend answers, perhaps a read.
    pub(crate) fn note_answered(&mut self, event: &BackendEvent) {
        let (BackendEvent::Value { watch, .. } | BackendEvent::Range { watch, .. }) = event else { return };
        let Some(asked) = self.slow.reads.remove(watch) else { return };
        if self.is_slow(&asked) {
            let feed = self.live.feed_of_read(*watch);
            self.counters.slow_reads += 1;
            self.tell_slow(None, feed, &asked);
        }
    }

    /// The backend answers a client's command.
    pub(crate) fn note_command(&mut self, conn: ConnId, asked: &Asked) {
        if self.is_slow(asked) {
            self.counters.slow_commands += 1;
            self.tell_slow(Some(conn), None, asked);
        }
    }

    fn is_slow(&self, asked: &Asked) -> bool {
        self.slow.slow.is_some_and(|slow| self.now.since(asked.since) >= slow)
    }

    fn tell_slow(&mut self, conn: Option<ConnId>, feed: Option<FeedId>, asked: &Asked) {
        let name = &asked.name[..asked.name.len().min(NAME_BYTES_MAX)];
        let command = String::from_utf8_lossy(name).to_ascii_lowercase();
        self.note(conn, feed, What::TookLong { command, took: self.now.since(asked.since) });
    }
}
