//! The start: the directory is locked, and what it holds is loaded.

use super::disk::{Directory, Disk, LogFile};
use super::keeper::{MANIFEST, PREFIX, TEMPORARY, remove_history, write_manifest};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use store::Store;
use store::aof::{Corrupt, Ending, Loader, Manifest};

/// Redis' `appenddirname`.
const LOG_DIRECTORY: &str = "appendonlydir";
/// The beginning of a file in Redis' own format.
const SNAPSHOT: &[u8; 5] = b"REDIS";
/// Held as long as the process lives.
const LOCK: &str = "keywire.lock";
/// A file is read in pieces of so many bytes.
const PIECE: usize = 1 << 20;

/// Why a data directory cannot be used. Each says what to do.
#[derive(thiserror::Error, Debug)]
pub enum OpenError {
    /// The operating system refused something.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        error: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use by another keywire{by}: one data directory serves one process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// ` (process N)`, where that is known.
        by: String,
    },
    /// The manifest makes no sense.
    #[error("{LOG_DIRECTORY}/{MANIFEST}: {0}; restore it from a backup, or name its files again as Redis does")]
    Manifest(#[from] store::aof::BadManifest),
    /// There is data, and nothing says in which order.
    #[error(
        "{LOG_DIRECTORY} holds {file} but no {MANIFEST}; restore the manifest, or move the file away to begin without data"
    )]
    NoManifest {
        /// One of the files.
        file: String,
    },
    /// The manifest names a file that is not there.
    #[error("{LOG_DIRECTORY}/{file} is missing, though the manifest names it; restore it from a backup")]
    Missing {
        /// Its name.
        file: String,
    },
    /// The base is a snapshot in Redis' own format.
    #[error(
        "{LOG_DIRECTORY}/{file} is an RDB snapshot, which keywire does not read. On the Redis server that wrote it run \
         `CONFIG SET aof-use-rdb-preamble no` and `BGREWRITEAOF`, wait until `INFO persistence` shows \
         aof_rewrite_in_progress:0, shut it down, and copy its directory again"
    )]
    Rdb {
        /// Its name.
        file: String,
    },
    /// A file is damaged.
    #[error(
        "{LOG_DIRECTORY}/{file}: {corrupt}. Keep a copy of the directory; then `redis-check-aof --fix` on the manifest, or \
         `truncate -s {offset}` on the file, gives up everything from that byte on",
        offset = corrupt.offset
    )]
    Corrupt {
        /// Its name.
        file: String,
        /// What is wrong, and where.
        corrupt: Corrupt,
    },
    /// A file ends too early.
    #[error(
        "{LOG_DIRECTORY}/{file} ends in the middle of a command or transaction at byte {offset}{why}. Keep a copy of the \
         directory; then `truncate -s {offset}` on the file gives up what is behind"
    )]
    Truncated {
        /// Its name.
        file: String,
        /// Up to where it is good.
        offset: u64,
        /// Why that is not repaired.
        why: &'static str,
    },
}

/// The files as the start leaves them: the last one can be written to.
pub(super) struct Opened {
    pub(super) manifest: Manifest,
    pub(super) file: Box<dyn LogFile>,
    /// The size of all files, and that of the base, in bytes.
    pub(super) log_bytes: u64,
    pub(super) base_bytes: u64,
    /// Commands that were loaded, and those of them that failed.
    pub(super) commands: u64,
    pub(super) failed: u64,
    /// Files that are left over, for the warning.
    pub(super) ignored: Vec<String>,
}

/// Locks a data directory, and gives the directory of its log. The lock goes with the file.
pub(super) fn lock(data: &Path) -> Result<(File, Directory), OpenError> {
    let at = |path: &Path| format!("the data directory {}", path.display());
    fs::create_dir_all(data).map_err(|error| OpenError::Io { what: at(data), error })?;
    let path = data.join(LOCK);
    let fail = |error| OpenError::Io { what: at(&path), error };
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(fail(error)),
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            let by = if holder.is_empty() { String::new() } else { format!(" (process {})", holder.trim()) };
            return Err(OpenError::Locked { path: data.to_owned(), by });
        }
    }
    file.set_len(0)
        .and_then(|()| io::Write::write_all(&mut &file, std::process::id().to_string().as_bytes()))
        .map_err(fail)?;
    let log = data.join(LOG_DIRECTORY);
    if is_snapshot(&data.join(PREFIX)) {
        return Err(OpenError::Rdb { file: format!("../{PREFIX}") });
    }
    take_over_single_file(data, &log).map_err(fail)?;
    let directory = Directory::open(&log).map_err(|error| OpenError::Io { what: at(&log), error })?;
    // The directory itself is to be found again after a crash.
    File::open(data).and_then(|data| data.sync_all()).map_err(fail)?;
    Ok((file, directory))
}

/// Whether a file begins as Redis' own format does.
fn is_snapshot(path: &Path) -> bool {
    let mut begin = [0; SNAPSHOT.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && begin == *SNAPSHOT
}

/// A Redis before 7 has one file and no manifest: it becomes the base, as it does with Redis itself.
fn take_over_single_file(data: &Path, log: &Path) -> io::Result<()> {
    let old = data.join(PREFIX);
    if !old.is_file() || log.join(MANIFEST).exists() && log.join(PREFIX).exists() {
        return Ok(());
    }
    let base = store::aof::File { name: PREFIX.to_owned(), seq: 1 };
    let manifest = Manifest { base: Some(base), ..Manifest::default() };
    // A manifest of anything else is not to be lost.
    if fs::read_to_string(log.join(MANIFEST)).is_ok_and(|text| text != manifest.to_string()) {
        return Ok(());
    }
    write_manifest(&Directory::open(log)?, &manifest)?;
    fs::rename(&old, log.join(PREFIX))
}

/// Loads what the manifest names. A tail that was cut off is removed if `repairs`.
pub(super) fn load(disk: &dyn Disk, store: &mut Store, repairs: bool) -> Result<Opened, OpenError> {
    let names = disk.names().map_err(failed(""))?;
    let mut manifest = read_manifest(disk, &names)?;
    for name in names.iter().filter(|name| name.starts_with(TEMPORARY)) {
        disk.remove(name).map_err(failed(name))?;
    }
    let lens = manifest.files().map(|file| len_of(disk, &file.name)).collect::<Result<Vec<u64>, _>>()?;
    let (mut log_bytes, mut base_bytes, mut counts) = (0, 0, (0, 0));
    for (at, file) in manifest.files().enumerate() {
        // A crash while a new file was made leaves that one empty.
        let is_last = lens[at + 1..].iter().all(|len| *len == 0);
        let mut loader = Loader::new();
        let ending = load_file(disk, store, &mut loader, &file.name)?;
        let len = match ending {
            Ending::Whole => lens[at],
            Ending::Truncated { valid_len } => cut(disk, &file.name, (lens[at], valid_len), is_last, repairs)?,
        };
        let (commands, failures) = loader.counts();
        counts = (counts.0 + commands, counts.1 + failures);
        log_bytes += len;
        if at == 0 && manifest.base.is_some() {
            base_bytes = len;
        }
    }
    let file = last_file(disk, &mut manifest)?;
    remove_history(disk, &mut manifest).map_err(failed(MANIFEST))?;
    let is_named = |name: &String| manifest.files().any(|file| file.name == *name);
    let ignored = names.into_iter().filter(|name| is_log(name) && !is_named(name)).collect();
    Ok(Opened { manifest, file, log_bytes, base_bytes, commands: counts.0, failed: counts.1, ignored })
}

/// What the operating system says of a file of the log.
fn failed(name: &str) -> impl Fn(io::Error) -> OpenError {
    let what = format!("{LOG_DIRECTORY}/{name}");
    move |error| OpenError::Io { what: what.clone(), error }
}

/// The manifest; an empty one for a directory without data.
fn read_manifest(disk: &dyn Disk, names: &[String]) -> Result<Manifest, OpenError> {
    match text_of(disk, MANIFEST) {
        Ok(text) => Ok(Manifest::parse(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let holds_data = |name: &&String| is_log(name) && disk.read(name).is_ok_and(|(_, len)| len > 0);
            match names.iter().find(holds_data) {
                Some(file) => Err(OpenError::NoManifest { file: file.clone() }),
                None => Ok(Manifest::default()),
            }
        }
        Err(error) => Err(failed(MANIFEST)(error)),
    }
}

fn len_of(disk: &dyn Disk, name: &str) -> Result<u64, OpenError> {
    match disk.read(name) {
        Ok((_, len)) => Ok(len),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Missing { file: name.to_owned() }),
        Err(error) => Err(failed(name)(error)),
    }
}

/// Removes a tail that was cut off; the length that is left.
fn cut(
    disk: &dyn Disk,
    name: &str,
    (len, valid_len): (u64, u64),
    is_last: bool,
    repairs: bool,
) -> Result<u64, OpenError> {
    let why = match () {
        () if !is_last => ", and is not the last file",
        () if !repairs => ", and aof-load-truncated is off",
        () => "",
    };
    if !why.is_empty() {
        return Err(OpenError::Truncated { file: name.to_owned(), offset: valid_len, why });
    }
    disk.cut(name, valid_len).map_err(failed(name))?;
    tracing::warn!(
        file = name,
        at = valid_len,
        bytes = len - valid_len,
        "the log ended in the middle of a command or transaction, as it does after a crash: it was cut there"
    );
    Ok(valid_len)
}

/// The incremental file to go on with, made if there is none.
fn last_file(disk: &dyn Disk, manifest: &mut Manifest) -> Result<Box<dyn LogFile>, OpenError> {
    if let Some(last) = manifest.increments.last() {
        return disk.append(&last.name).map_err(failed(&last.name));
    }
    let name = manifest.add_increment(PREFIX).name.clone();
    let file = disk.create(&name).map_err(failed(&name))?;
    file.sync().and_then(|()| write_manifest(disk, manifest)).map_err(failed(&name))?;
    Ok(file)
}

fn is_log(name: &str) -> bool {
    name.ends_with(".aof") || name.ends_with(".rdb")
}

fn text_of(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let mut text = String::new();
    disk.read(name)?.0.read_to_string(&mut text)?;
    Ok(text)
}

/// Carries out the commands of a file.
fn load_file(disk: &dyn Disk, store: &mut Store, loader: &mut Loader, name: &str) -> Result<Ending, OpenError> {
    let (mut file, _) = disk.read(name).map_err(failed(name))?;
    let (mut held, mut is_first) = (Vec::with_capacity(2 * PIECE), true);
    loop {
        let begin = held.len();
        let count = (&mut file).take(PIECE as u64).read_to_end(&mut held).map_err(failed(name))?;
        if is_first && held.starts_with(SNAPSHOT) {
            return Err(OpenError::Rdb { file: name.to_owned() });
        }
        is_first = false;
        if count == 0 {
            return Ok(loader.finish(begin));
        }
        let taken =
            loader.load(store, &held).map_err(|corrupt| OpenError::Corrupt { file: name.to_owned(), corrupt })?;
        held.drain(..taken);
    }
}
