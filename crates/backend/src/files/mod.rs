//! The store's files: the log is written before what it tells of is answered, and made durable as `appendfsync` says.
//!
//! ```text
//! lane's thread                                        threads of their own
//!   Files ── write: once per turn, what all commands of it did
//!     ├──── Sync ─────────────────────────────────────► store-sync   fsync
//!     └──── Increment, Base, EndBase ─────────────────► store-base   (`keeper`) rewrite, manifest
//! ```
//!
//! With `always`, the turn's one fsync is done here, and its answers wait for it. With `everysec` it is done elsewhere, once a
//! second; while one takes long, what comes is held back in memory, as in Redis, for at most two seconds.
//!
//! **If the disk fails**, writes are refused with `MISCONF` and what was not written yet is kept and tried again. With
//! `always`, who was to be answered in that very turn is not: nobody is told that something is kept which may not be. After
//! a failed fsync nobody knows what of the file is durable, so the log is then written anew from memory.
//!
//! **A rewrite** begins with a new incremental file. From the mark on, the store gives the keyspace as it was then,
//! a little in each turn, while commands go on; see [`store::aof`].

mod disk;
mod keeper;
mod open;
mod worker;

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use open::OpenError;

use disk::{Disk, LogFile};
use keeper::{Job, Keeper, Report};
use model::Time;
use runtime::{Moment, Waker};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Fsync, Settings, Store};
use worker::Worker;

/// How often the log is synced with `everysec`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How long writes wait for a sync that is under way: as in Redis.
const POSTPONE_MAX: Duration = Duration::from_secs(2);
/// After a failed write, the next try.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// What a rewrite takes from the store in one turn, in bytes …
const STEP_BYTES: usize = 32 << 10;
/// … and what of it may wait to be written.
const BASE_WAITING_MAX: usize = 4 << 20;
/// After a failed rewrite, the next try; doubled with each further failure, up to a limit.
const REWRITE_RETRY: Duration = Duration::from_secs(60);
const REWRITE_RETRY_URGENT: Duration = Duration::from_secs(2);
const REWRITE_RETRY_MAX: Duration = Duration::from_secs(3600);
/// Room for what one turn writes that is kept for the next one.
const BUFFER_KEPT_MAX: usize = 256 << 10;

/// The files of a store.
pub(crate) struct Files {
    disk: Arc<dyn Disk>,
    /// Held as long as this lives.
    _lock: Option<std::fs::File>,
    /// The incremental file that is written to.
    file: Box<dyn LogFile>,
    /// What is not written to it yet.
    buffer: Vec<u8>,
    /// Bytes that were ever written, and those of them that are known to be durable.
    written: u64,
    synced: u64,
    /// Something failed, and was not made good yet.
    trouble: Option<Trouble>,
    /// What was done since the last commit is not kept as it should be.
    is_unkept: bool,
    syncing: Syncing,
    rewriting: Rewriting,
    /// The size of all files, and what it was after the last rewrite or at the start.
    log_bytes: u64,
    base_bytes: u64,
    /// Bytes that were written since the mark of the rewrite at hand.
    since_mark: u64,
    /// A rewrite is wanted as soon as there is none.
    is_rewrite_due: bool,
    /// After a failure, no rewrite begins by itself before this.
    rewrite_not_before: Time,
    workers: Option<Workers>,
    manifest: Option<store::aof::Manifest>,
}

/// The threads.
struct Workers {
    sync: Worker<Sync, Synced>,
    keeper: Worker<Job, Report>,
}

/// A sync to be done elsewhere.
struct Sync {
    file: Box<dyn LogFile>,
    /// All bytes that are durable after it.
    upto: u64,
}

struct Synced {
    upto: u64,
    result: io::Result<()>,
}

/// What is known of syncs.
#[derive(Default)]
struct Syncing {
    /// Those under way.
    under_way: u64,
    /// When the last one began.
    begun: Time,
    /// Since when writes wait for one.
    postponed: Option<Time>,
    /// Writes that waited no longer.
    delayed: u64,
    /// The next write is to be durable before it is answered, whatever the setting says.
    is_wanted_now: bool,
}

/// Why nothing can be kept now.
struct Trouble {
    /// Nobody knows what of the file is durable.
    is_file_lost: bool,
    retry_at: Time,
}

enum Rewriting {
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

/// What a start found.
pub(crate) struct Found {
    /// Commands that were loaded, and those of them that failed, as Redis would count them.
    pub(crate) commands: u64,
    pub(crate) failed: u64,
    /// The size of the files, in bytes.
    pub(crate) bytes: u64,
    /// Files of the directory that nobody names.
    pub(crate) ignored: Vec<String>,
}

impl Files {
    /// Locks the directory and loads what it holds into the store, which is empty.
    pub(crate) fn open(data: &Path, store: &mut Store) -> Result<(Files, Found), OpenError> {
        let (lock, directory) = open::lock(data)?;
        let mut found = Files::load(Arc::new(directory), store)?;
        found.0._lock = Some(lock);
        Ok(found)
    }

    fn load(disk: Arc<dyn Disk>, store: &mut Store) -> Result<(Files, Found), OpenError> {
        let repairs = store.settings().get("aof-load-truncated") != Some("no");
        let opened = open::load(&*disk, store, repairs)?;
        store.keep_log(true);
        store.persistence_mut().is_on = true;
        let found = Found {
            commands: opened.commands,
            failed: opened.failed,
            bytes: opened.log_bytes,
            ignored: opened.ignored,
        };
        let files = Files {
            disk,
            _lock: None,
            file: opened.file,
            buffer: Vec::new(),
            written: 0,
            synced: 0,
            trouble: None,
            is_unkept: false,
            syncing: Syncing::default(),
            rewriting: Rewriting::No,
            log_bytes: opened.log_bytes,
            base_bytes: opened.base_bytes,
            since_mark: 0,
            is_rewrite_due: false,
            rewrite_not_before: Time::ZERO,
            workers: None,
            manifest: Some(opened.manifest),
        };
        Ok((files, found))
    }

    /// Starts the threads; before that, and if they cannot be started, everything is done by who asks for it.
    pub(crate) fn start(&mut self, waker: &Waker) -> io::Result<()> {
        let told = || {
            let waker = waker.clone();
            move || waker.wake()
        };
        let mut keeper = self.keeper();
        let workers = Workers {
            sync: Worker::spawn("store-sync", Box::new(|job| Some(sync(job))), told())?,
            keeper: Worker::spawn("store-base", Box::new(move |job| keeper.handle(job)), told())?,
        };
        self.workers = Some(workers);
        Ok(())
    }

    #[cfg(test)]
    fn start_inline(&mut self) {
        let mut keeper = self.keeper();
        let workers = Workers {
            sync: Worker::inline(Box::new(|job| Some(sync(job)))),
            keeper: Worker::inline(Box::new(move |job| keeper.handle(job))),
        };
        self.workers = Some(workers);
    }

    fn keeper(&mut self) -> Keeper {
        Keeper::new(self.disk.clone(), self.manifest.take().unwrap_or_default())
    }

    /// Before anything leaves: writes what the store did since the last call, and makes it durable if that is what the
    /// setting says. `false`: it is not kept as it should be, and what was answered since then must not be told.
    pub(crate) fn commit(&mut self, store: &mut Store, now: Moment) -> bool {
        let before = self.buffer.len();
        store.take_log(&mut self.buffer);
        let is_new = self.buffer.len() > before;
        let always = store.settings().fsync == Fsync::Always || self.syncing.is_wanted_now;
        let is_unkept = std::mem::take(&mut self.is_unkept);
        if self.trouble.is_some() {
            // Writes are refused already; what is new is the end of keys.
            self.retry(store, now);
            return !is_unkept;
        }
        if !is_new && self.buffer.is_empty() && !(always && self.synced < self.written) {
            self.syncing.is_wanted_now = false;
            return true;
        }
        if !always && self.is_postponed(store, now) {
            self.tell(store);
            return true;
        }
        let result = self.write().and_then(|()| if always { self.sync_here(now) } else { Ok(()) });
        self.syncing.is_wanted_now = false;
        let is_kept = result.is_ok() || !always;
        if let Err(error) = result {
            self.failed(store, &error, always && self.buffer.is_empty(), now);
        }
        self.tell(store);
        is_kept
    }

    /// What came about elsewhere, and what is due. Called once per turn, and when [`Files::next_timeout`] says so.
    pub(crate) fn work(&mut self, store: &mut Store, now: Moment) {
        self.take_reports(store, now);
        self.retry(store, now);
        self.sync_elsewhere(store, now);
        self.begin_rewrite_if_due(store, now);
        self.step(store);
        self.tell(store);
    }

    /// When there is something to do though nothing happens.
    pub(crate) fn next_timeout(&self, settings: &Settings, now: Moment) -> Option<Time> {
        let retry = self.trouble.as_ref().map(|trouble| trouble.retry_at);
        let is_dirty = self.synced < self.written || !self.buffer.is_empty();
        let sync = (is_dirty && self.may_sync(settings)).then(|| self.syncing.begun + SYNC_INTERVAL);
        let step = matches!(self.rewriting, Rewriting::Base { waiting, .. } if waiting < BASE_WAITING_MAX);
        [retry, sync, step.then_some(now.time)].into_iter().flatten().min()
    }

    /// `BGREWRITEAOF`: begins a rewrite, or does so when the one under way is over.
    pub(crate) fn rewrite(&mut self) {
        self.is_rewrite_due = true;
        self.rewrite_not_before = Time::ZERO;
    }

    /// `SAVE`: what there is is durable before it is answered.
    pub(crate) fn save(&mut self) {
        self.syncing.is_wanted_now = true;
    }

    /// The end: everything is written and made durable. A rewrite under way is given up.
    pub(crate) fn stop(&mut self, store: &mut Store, now: Moment) {
        store.take_log(&mut self.buffer);
        if !matches!(self.rewriting, Rewriting::No) {
            self.give(Job::Abort);
            store.abort_rewrite();
        }
        if let Some(workers) = &mut self.workers {
            workers.sync.finish();
            workers.keeper.finish();
        }
        match self.write().and_then(|()| self.sync_here(now)) {
            Ok(()) => tracing::info!("everything is written and synced"),
            Err(error) => tracing::error!(%error, "what was done last is not kept"),
        }
    }
}

/// Writing and syncing.
impl Files {
    /// Writes what waits, as far as the disk takes it.
    fn write(&mut self) -> io::Result<()> {
        let mut taken = 0;
        let result = loop {
            if taken == self.buffer.len() {
                break Ok(());
            }
            match self.file.write(&self.buffer[taken..]) {
                Ok(count) => taken += count,
                Err(error) => break Err(error),
            }
        };
        let count = taken as u64;
        (self.written, self.log_bytes) = (self.written + count, self.log_bytes + count);
        self.since_mark += count;
        if taken == self.buffer.len() && taken > BUFFER_KEPT_MAX {
            self.buffer = Vec::new();
        } else {
            self.buffer.drain(..taken);
        }
        result
    }

    fn sync_here(&mut self, now: Moment) -> io::Result<()> {
        self.syncing.begun = now.time;
        self.file.sync()?;
        self.synced = self.written;
        Ok(())
    }

    /// Whether to hold back what is to be written, as a sync under way would hold up the write.
    fn is_postponed(&mut self, store: &Store, now: Moment) -> bool {
        if self.syncing.under_way == 0 || store.settings().fsync != Fsync::EverySecond {
            self.syncing.postponed = None;
            return false;
        }
        let since = *self.syncing.postponed.get_or_insert(now.time);
        if now.time.since(since) < POSTPONE_MAX {
            return true;
        }
        self.syncing.delayed += 1;
        self.syncing.postponed = None;
        tracing::warn!("a sync of the log takes more than two seconds: the disk is busy, and writes wait for it");
        false
    }

    /// Whether another thread is to sync, once it is time.
    fn may_sync(&self, settings: &Settings) -> bool {
        let is_quiet = settings.no_fsync_on_rewrite && !matches!(self.rewriting, Rewriting::No);
        let is_idle = self.syncing.under_way == 0 && self.trouble.is_none() && self.workers.is_some();
        settings.fsync == Fsync::EverySecond && !is_quiet && is_idle
    }

    /// Has the file synced by another thread, if it is time.
    fn sync_elsewhere(&mut self, store: &mut Store, now: Moment) {
        if !self.may_sync(store.settings()) || now.time.since(self.syncing.begun) < SYNC_INTERVAL {
            return;
        }
        if let Err(error) = self.write() {
            return self.failed(store, &error, false, now);
        }
        if self.synced < self.written {
            self.syncing.begun = now.time;
            match self.file.twin() {
                Ok(file) => self.give_sync(file),
                Err(error) => self.failed(store, &error, false, now),
            }
        }
    }

    fn give_sync(&mut self, file: Box<dyn LogFile>) {
        let job = Sync { file, upto: self.written };
        if let Some(workers) = &mut self.workers {
            self.syncing.under_way += 1;
            workers.sync.give(job);
        }
    }

    /// The disk failed: nothing changes any more that could not be kept.
    fn failed(&mut self, store: &mut Store, error: &io::Error, is_file_lost: bool, now: Moment) {
        let text = error.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        tracing::error!(error = text, "the log cannot be written: writes are refused until it can");
        store.persistence_mut().write_error = Some(text.into());
        self.trouble = Some(Trouble { is_file_lost, retry_at: now.time + RETRY_INTERVAL });
    }

    /// Tries again what failed.
    fn retry(&mut self, store: &mut Store, now: Moment) {
        let Some(trouble) = &mut self.trouble else { return };
        if now.time < trouble.retry_at {
            return;
        }
        trouble.retry_at = now.time + RETRY_INTERVAL;
        if trouble.is_file_lost {
            // A rewrite makes it good, from memory.
            self.is_rewrite_due = matches!(self.rewriting, Rewriting::No);
            return;
        }
        if self.write().and_then(|()| if self.synced < self.written { self.sync_here(now) } else { Ok(()) }).is_ok() {
            self.recovered(store);
        }
    }

    fn recovered(&mut self, store: &mut Store) {
        tracing::warn!("the log can be written again: writes are taken");
        store.persistence_mut().write_error = None;
        self.trouble = None;
    }

    fn take_reports(&mut self, store: &mut Store, now: Moment) {
        while let Some(Synced { upto, result }) = self.workers.as_mut().and_then(|workers| workers.sync.report()) {
            self.syncing.under_way -= 1;
            match result {
                Ok(()) => self.synced = self.synced.max(upto),
                Err(error) => self.failed(store, &error, true, now),
            }
            if self.synced == self.written {
                let persistence = store.persistence_mut();
                (persistence.last_save_s, persistence.changes) = (now.unix_ms / 1000, 0);
            }
        }
        while let Some(report) = self.workers.as_mut().and_then(|workers| workers.keeper.report()) {
            self.take_report(report, store, now);
        }
    }

    /// What `INFO` shows.
    fn tell(&self, store: &mut Store) {
        let persistence = store.persistence_mut();
        (persistence.log_bytes, persistence.base_bytes) = (self.log_bytes, self.base_bytes);
        persistence.buffer_bytes = self.buffer.len() as u64;
        (persistence.pending_syncs, persistence.delayed_syncs) = (self.syncing.under_way, self.syncing.delayed);
        persistence.is_rewrite_due = self.is_rewrite_due;
        let since = match &self.rewriting {
            Rewriting::No => None,
            Rewriting::Preparing(since) | Rewriting::Base { since, .. } | Rewriting::Ending(since) => {
                Some(since.unix_ms)
            }
        };
        persistence.is_rewriting = since.is_some();
        persistence.rewriting_since_ms = since.unwrap_or_default();
    }
}

/// Rewrites.
impl Files {
    fn begin_rewrite_if_due(&mut self, store: &Store, now: Moment) {
        let settings = store.settings();
        let (percent, min) = (settings.rewrite_growth_percent, settings.rewrite_bytes_min);
        let limit = u128::from(self.base_bytes.max(1)) * u128::from(100 + percent);
        let has_grown = percent > 0 && self.log_bytes > min && u128::from(self.log_bytes) * 100 >= limit;
        // Where the disk takes nothing, neither will it take this.
        let is_hopeless = self.trouble.as_ref().is_some_and(|trouble| !trouble.is_file_lost);
        let is_wanted = (self.is_rewrite_due || has_grown) && now.time >= self.rewrite_not_before && !is_hopeless;
        if is_wanted && matches!(self.rewriting, Rewriting::No) && self.workers.is_some() {
            self.is_rewrite_due = false;
            self.rewriting = Rewriting::Preparing(now);
            self.give(Job::Increment);
        }
    }

    fn give(&mut self, job: Job) {
        if let Some(workers) = &mut self.workers {
            workers.keeper.give(job);
        }
    }

    fn take_report(&mut self, report: Report, store: &mut Store, now: Moment) {
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
    fn step(&mut self, store: &mut Store) {
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
            // Nothing is kept until it succeeds.
            Some(Trouble { is_file_lost: true, .. }) => REWRITE_RETRY_URGENT,
            _ => (REWRITE_RETRY * (1 << doubled)).min(REWRITE_RETRY_MAX),
        };
        self.rewrite_not_before = now.time + wait;
        tracing::error!(%error, "the log could not be rewritten; it goes on as it is");
    }
}

fn sync(job: Sync) -> Synced {
    Synced { upto: job.upto, result: job.file.sync() }
}

/// Writes all of these bytes to a new file of a directory: for tests of what a start finds.
#[cfg(test)]
fn put(disk: &dyn Disk, name: &str, bytes: &[u8]) {
    let mut file = disk.create(name).unwrap();
    disk::write_all(&mut *file, bytes).unwrap();
    file.sync().unwrap();
    disk.sync_names().unwrap();
}
