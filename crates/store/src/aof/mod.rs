//! The append-only log, as Redis has it: what a store did, as commands that do it again.
//!
//! Here is everything about it but the files: the effects of commands, their bytes, loading them, the manifest that names
//! the files, and the rewrite that makes a log short again. Who owns the files does this:
//!
//! ```text
//! start    Manifest::parse(text)?                       or none: an empty directory
//!          for each file, base first:                   loader = Loader::new()
//!              pieces of it: n = loader.load(&mut store, &bytes)?   keep bytes[n..] in front of the next piece
//!              its end: loader.finish(bytes.len())      Truncated { valid_len } is fine in the last file: cut it there
//!          store.keep_log(true)
//!
//! turn     store.take_log(&mut buffer)                  then write, sync as set
//!
//! rewrite  take and write what there is to the old incremental file; open the new one
//!          store.begin_rewrite()                        the mark
//!          each turn: store.rewrite_step(65536, &mut base) and write that to a temporary base file, until it says true
//!          sync and rename the base, manifest.rewritten(…), print it to a temporary file, sync, rename, delete the old files
//! ```
//!
//! The base holds the keyspace as it was at the mark, though the store goes on serving: a key is written to the base before
//! its first change after the mark, and everything else by a cursor that walks over the keyspace in small steps.
//!
//! ```
//! use store::{Config, Store, aof};
//! let mut store = Store::new(Config::default());
//! store.keep_log(true);
//! store.execute(&["SET".into(), "k".into(), "v".into(), "EX".into(), "10".into()], 1_000_000);
//! let mut bytes = Vec::new();
//! store.take_log(&mut bytes);
//! assert!(bytes.ends_with(b"$4\r\nPXAT\r\n$7\r\n1010000\r\n"));
//!
//! let mut again = Store::new(Config::default());
//! let mut loader = aof::Loader::new();
//! assert_eq!(loader.load(&mut again, &bytes), Ok(bytes.len()));
//! assert_eq!(loader.finish(0), aof::Ending::Whole);
//! assert_eq!(again.keys(0), 1);
//! ```

mod dump;
mod effects;
mod encode;
mod load;
mod log;
mod manifest;
mod rewrite;

pub(crate) use effects::note;
pub use load::{Corrupt, Ending, Loader};
pub(crate) use log::Log;
pub use manifest::{BadManifest, File, Manifest};
pub(crate) use rewrite::Rewrite;

/// The moment of a load: no deadline has come.
pub(crate) const TIMELESS_MS: u64 = 0;

#[cfg(test)]
mod tests;
