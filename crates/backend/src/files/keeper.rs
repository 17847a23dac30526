//! Who owns the manifest: makes new incremental files, writes the base of a rewrite, and puts both in force.
//!
//! Each step leaves a directory that can be loaded. A new incremental file is in the manifest before anything is written to
//! it; a base gets its name when it is durable, and counts from the moment when the manifest that names it has replaced the
//! old one; only then what it stands for is removed. What is left over by a crash has a name that is used again.

use super::disk::{Disk, LogFile, write_all};
use std::io;
use std::sync::Arc;
use store::aof::{File, Manifest};

/// The name of the manifest, and the beginning of the names of the files that it names: those of Redis.
pub(super) const MANIFEST: &str = "appendonly.aof.manifest";
pub(super) const PREFIX: &str = "appendonly.aof";
/// Begins the names of files that are not finished.
pub(super) const TEMPORARY: &str = "temp-";
const TEMPORARY_BASE: &str = "temp-rewriteaof-bg.aof";
/// A base is synced whenever so many bytes were written, so that its end does not hold up other syncs.
const SYNC_BYTES: u64 = 4 << 20;

/// What the keeper is to do.
pub(super) enum Job {
    /// Make a new incremental file.
    Increment,
    /// Write this to the base.
    Base(Vec<u8>),
    /// The base is whole: it stands for all that came before this incremental file.
    EndBase {
        /// The number of the first incremental file that counts beside it.
        increment: u64,
    },
    /// The base is not to be finished.
    Abort,
}

/// What became of it.
pub(super) enum Report {
    /// The new incremental file, with its number.
    Increment(io::Result<(Box<dyn LogFile>, u64)>),
    /// So many bytes of the base were taken.
    Taken(usize),
    /// The base is in force and has so many bytes; or the rewrite has failed, and nothing has changed.
    Rewritten(io::Result<u64>),
}

pub(super) struct Keeper {
    disk: Arc<dyn Disk>,
    manifest: Manifest,
    base: Base,
    /// A base of a lower number may be named by a manifest of which it is not known whether it is in force.
    base_seq_min: u64,
}

/// The base of the rewrite at hand.
enum Base {
    None,
    Open {
        file: Box<dyn LogFile>,
        bytes: u64,
        synced: u64,
    },
    /// It could not be written, and that was told.
    Failed,
}

impl Keeper {
    pub(super) fn new(disk: Arc<dyn Disk>, manifest: Manifest) -> Keeper {
        Keeper { disk, manifest, base: Base::None, base_seq_min: 1 }
    }

    pub(super) fn handle(&mut self, job: Job) -> Option<Report> {
        match job {
            Job::Increment => Some(Report::Increment(self.increment())),
            Job::Base(bytes) => match self.write(&bytes) {
                Ok(()) => Some(Report::Taken(bytes.len())),
                Err(error) => self.failed(error),
            },
            Job::EndBase { increment } => match self.end(increment) {
                Ok(bytes) => Some(Report::Rewritten(Ok(bytes))),
                Err(error) => self.failed(error),
            },
            Job::Abort => {
                self.drop_base();
                self.base = Base::None;
                None
            }
        }
    }

    fn increment(&mut self) -> io::Result<(Box<dyn LogFile>, u64)> {
        let mut manifest = self.manifest.clone();
        let File { name, seq } = manifest.add_increment(PREFIX).clone();
        let file = self.disk.create(&name)?;
        file.sync()?;
        write_manifest(&*self.disk, &manifest)?;
        self.manifest = manifest;
        Ok((file, seq))
    }

    fn write(&mut self, part: &[u8]) -> io::Result<()> {
        if matches!(self.base, Base::None) {
            self.base = Base::Open { file: self.disk.create(TEMPORARY_BASE)?, bytes: 0, synced: 0 };
        }
        let Base::Open { file, bytes, synced } = &mut self.base else { return Ok(()) };
        write_all(&mut **file, part)?;
        *bytes += part.len() as u64;
        if *bytes - *synced >= SYNC_BYTES {
            file.sync()?;
            *synced = *bytes;
        }
        Ok(())
    }

    fn end(&mut self, increment: u64) -> io::Result<u64> {
        // Of a store without keys, nothing was written.
        self.write(b"")?;
        let Base::Open { file, bytes, .. } = &self.base else { return Err(io::Error::other("it has failed")) };
        file.sync()?;
        let (bytes, base) = (*bytes, self.manifest.next_base(PREFIX, self.base_seq_min));
        self.disk.rename(TEMPORARY_BASE, &base.name)?;
        self.base_seq_min = base.seq + 1;
        let manifest = self.manifest.clone().rewritten(base, increment);
        write_manifest(&*self.disk, &manifest)?;
        self.manifest = manifest;
        self.base = Base::None;
        if let Err(error) = remove_history(&*self.disk, &mut self.manifest) {
            tracing::warn!(%error, "old files of the log are left until the next rewrite");
        }
        Ok(bytes)
    }

    /// Tells of a failure once.
    fn failed(&mut self, error: io::Error) -> Option<Report> {
        if matches!(self.base, Base::Failed) {
            return None;
        }
        self.drop_base();
        self.base = Base::Failed;
        Some(Report::Rewritten(Err(error)))
    }

    fn drop_base(&mut self) {
        if let Base::Open { .. } = std::mem::replace(&mut self.base, Base::None) {
            // It is overwritten by the next one anyway; but room may be what was lacking.
            let _ = self.disk.remove(TEMPORARY_BASE);
        }
    }
}

/// Puts a manifest in force.
pub(super) fn write_manifest(disk: &dyn Disk, manifest: &Manifest) -> io::Result<()> {
    let temporary = format!("{TEMPORARY}{MANIFEST}");
    let mut file = disk.create(&temporary)?;
    write_all(&mut *file, manifest.to_string().as_bytes())?;
    file.sync()?;
    disk.rename(&temporary, MANIFEST)?;
    disk.sync_names()
}

/// Removes the files that do not count any more, and then their names from the manifest.
pub(super) fn remove_history(disk: &dyn Disk, manifest: &mut Manifest) -> io::Result<()> {
    if manifest.history.is_empty() {
        return Ok(());
    }
    for file in &manifest.history {
        match disk.remove(&file.name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let rest = Manifest { history: Vec::new(), ..manifest.clone() };
    write_manifest(disk, &rest)?;
    *manifest = rest;
    Ok(())
}
