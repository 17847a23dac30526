//! The lane's side of a rewrite: when it begins, its mark, its base step by step, and its end.

use super::disk::LogFile;
use super::keeper::{Job, Report};
use super::{Files, Trouble};
use runtime::Moment;
use std::io;
use std::time::Duration;
use store::{Fsync, Store};

/// What a rewrite takes from the store in one turn, in bytes …
const STEP_BYTES: usize = 32 << 10;
/// … and what of it may wait to be written.
const BASE_WAITING_MAX: usize = 4 << 20;
/// After a failed rewrite, the next try; doubled with each further failure, up to a limit.
const RETRY: Duration = Duration::from_secs(60);
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// The same where nothing is kept until it succeeds.
const RETRY_URGENT: Duration = Duration::from_secs(2);

/// How far the rewrite at hand is.
pub(super) enum Rewriting {
    No,
    /// The new incremental file is being made.
    Preparing(Moment),
    /// The store gives the base; so many bytes of it wait to be written.
    Base {
        since: Moment,
        increment: u64,
        waiting: usize,
    },
    /// The base is being put in force.
    Ending(Moment),
}

impl Rewriting {
    /// Whether there is none.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Rewriting::No)
    }

    /// When it began.
    pub(super) fn since(&self) -> Option<Moment> {
        match self {
            Rewriting::No => None,
            Rewriting::Preparing(since) | Rewriting::Base { since, .. } | Rewriting::Ending(since) => Some(*since),
        }
    }

    /// Whether the next step can be made now.
    pub(super) fn wants_step(&self) -> bool {
        matches!(self, Rewriting::Base { waiting, .. } if *waiting < BASE_WAITING_MAX)
    }
}

impl Files {
    pub(super) fn begin_rewrite_if_due(&mut self, store: &Store, now: Moment) {
        let settings = store.settings();
        let (percent, min) = (settings.rewrite_growth_percent, settings.rewrite_bytes_min);
        let limit = u128::from(self.base_bytes.max(1)) * u128::from(100 + percent);
        let has_grown = percent > 0 && self.log_bytes > min && u128::from(self.log_bytes) * 100 >= limit;
        // Where the disk takes nothing, neither will it take this.
        let is_hopeless = self.trouble.as_ref().is_some_and(|trouble| !trouble.is_file_lost);
        let is_wanted = (self.is_rewrite_due || has_grown) && now.time >= self.rewrite_not_before && !is_hopeless;
        if is_wanted && self.rewriting.is_over() && self.workers.is_some() {
            self.is_rewrite_due = false;
            self.rewriting = Rewriting::Preparing(now);
            self.give(Job::Increment);
        }
    }

    pub(super) fn give(&mut self, job: Job) {
        if let Some(workers) = &mut self.workers {
            workers.keeper.give(job);
        }
    }

    pub(super) fn take_report(&mut self, report: Report, store: &mut Store, now: Moment) {
        match report {
            Report::Increment(Ok((file, increment))) => self.mark(file, increment, store, now),
            Report::Taken(bytes) => {
                if let Rewriting::Base { waiting, .. } = &mut self.rewriting {
                    *waiting = waiting.saturating_sub(bytes);
                }
            }
            Report::Rewritten(Ok(bytes)) => self.rewritten(bytes, store, now),
            Report::Increment(Err(error)) | Report::Rewritten(Err(error)) => self.rewrite_failed(&error, store, now),
        }
    }

    /// The new incremental file is there: what was done up to now belongs to the old one, and this is the moment that the
    /// base shows.
    fn mark(&mut self, file: Box<dyn LogFile>, increment: u64, store: &mut Store, now: Moment) {
        let Rewriting::Preparing(since) = self.rewriting else { return };
        store.take_log(&mut self.buffer);
        let is_file_lost = self.trouble.is_some();
        let always = store.settings().fsync == Fsync::Always;
        let old = self.write().and_then(|()| if always && !is_file_lost { self.sync_here(now) } else { Ok(()) });
        match old {
            // The base will have it.
            Err(_) if is_file_lost => self.buffer.clear(),
            Err(error) => {
                self.is_unkept = always;
                self.failed(store, &error, always && self.buffer.is_empty(), now);
                return self.rewrite_failed(&error, store, now);
            }
            Ok(()) => {}
        }
        let old = std::mem::replace(&mut self.file, file);
        if self.synced < self.written && store.settings().fsync == Fsync::EverySecond && !is_file_lost {
            self.give_sync(old);
        }
        self.since_mark = 0;
        let begun = store.begin_rewrite();
        debug_assert!(begun, "there is one rewrite at a time");
        self.rewriting = Rewriting::Base { since, increment, waiting: 0 };
        tracing::info!(increment, "the log is rewritten");
    }

    /// One step of the base.
    pub(super) fn step(&mut self, store: &mut Store) {
        let Rewriting::Base { since, increment, waiting } = &mut self.rewriting else { return };
        if *waiting >= BASE_WAITING_MAX {
            return;
        }
        let mut part = Vec::with_capacity(STEP_BYTES + STEP_BYTES / 4);
        let is_whole = store.rewrite_step(STEP_BYTES, &mut part);
        *waiting += part.len();
        let (since, increment) = (*since, *increment);
        if !part.is_empty() {
            self.give(Job::Base(part));
        }
        if is_whole {
            self.rewriting = Rewriting::Ending(since);
            self.give(Job::EndBase { increment });
        }
    }

    fn rewritten(&mut self, bytes: u64, store: &mut Store, now: Moment) {
        let Rewriting::Ending(since) = std::mem::replace(&mut self.rewriting, Rewriting::No) else { return };
        self.log_bytes = bytes + self.since_mark;
        self.base_bytes = self.log_bytes;
        let seconds = now.time.since(since.time).as_secs();
        let persistence = store.persistence_mut();
        persistence.rewrites += 1;
        (persistence.rewrite_failures, persistence.last_rewrite_s) = (0, Some(seconds));
        tracing::info!(bytes, seconds, "the log is rewritten: its new base is in force");
        if self.trouble.as_ref().is_some_and(|trouble| trouble.is_file_lost) {
            self.synced = self.written;
            self.recovered(store);
        }
    }

    fn rewrite_failed(&mut self, error: &io::Error, store: &mut Store, now: Moment) {
        self.rewriting = Rewriting::No;
        store.abort_rewrite();
        self.give(Job::Abort);
        let persistence = store.persistence_mut();
        persistence.rewrite_failures += 1;
        let doubled = u32::try_from(persistence.rewrite_failures - 1).unwrap_or(u32::MAX).min(16);
        let wait = match self.trouble {
            Some(Trouble { is_file_lost: true, .. }) => RETRY_URGENT,
            _ => (RETRY * (1 << doubled)).min(RETRY_MAX),
        };
        self.rewrite_not_before = now.time + wait;
        tracing::error!(%error, "the log could not be rewritten; it goes on as it is");
    }
}
