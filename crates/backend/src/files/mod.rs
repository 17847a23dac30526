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
mod rewriting;
mod worker;

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use open::OpenError;

use disk::{Disk, LogFile};
use keeper::{Job, Keeper, Report};
use model::Time;
use rewriting::Rewriting;
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
    /// Locks the directory and loads what it holds into the store, which is empty. `now_ms` is milliseconds since 1970.
    pub(crate) fn open(data: &Path, store: &mut Store, now_ms: u64) -> Result<(Files, Found), OpenError> {
        let (lock, directory) = open::lock(data)?;
        let mut found = Files::load(Arc::new(directory), store, now_ms)?;
        found.0._lock = Some(lock);
        Ok(found)
    }

    fn load(disk: Arc<dyn Disk>, store: &mut Store, now_ms: u64) -> Result<(Files, Found), OpenError> {
        let repairs = store.settings().get("aof-load-truncated") != Some("no");
        let opened = open::load(&*disk, store, repairs)?;
        store.loading_is_over(now_ms);
        store.keep_log(true);
        let persistence = store.persistence_mut();
        (persistence.is_on, persistence.last_save_s) = (true, now_ms / 1000);
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
        let step = self.rewriting.wants_step().then_some(now.time);
        [retry, sync, step].into_iter().flatten().min()
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
        if !self.rewriting.is_over() {
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
        let is_quiet = settings.no_fsync_on_rewrite && !self.rewriting.is_over();
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
            self.is_rewrite_due = self.rewriting.is_over();
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
        let since = self.rewriting.since().map(|since| since.unix_ms);
        persistence.is_rewriting = since.is_some();
        persistence.rewriting_since_ms = since.unwrap_or_default();
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
