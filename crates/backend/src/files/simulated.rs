//! A disk that forgets what was not synced, fails when it is told to, and can be stopped before any of its operations.

use super::disk::{Disk, LogFile};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard};

/// The contents of a file, and how much of it is durable.
#[derive(Clone, Default, Debug)]
struct Content {
    bytes: Vec<u8>,
    durable: usize,
}

/// By the number of a file; names point to them.
#[derive(Clone, Default, Debug)]
struct State {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Operations until now.
    operations: u64,
    /// The operation before which everything stops.
    stops_at: Option<u64>,
    /// Bytes that may still be written.
    room: Option<usize>,
    syncs_fail: bool,
}

/// What of the things that were not synced is there after a crash.
#[derive(Clone, Copy, Debug)]
pub(super) enum Survives {
    /// Only what was synced.
    Nothing,
    /// Everything, as when only the process was killed.
    Everything,
    /// The names as they were last, and of each file's tail so many bytes out of eight.
    Eighths(usize),
}

/// The disk; a clone is the same one.
#[derive(Clone, Default)]
pub(super) struct Simulated(Arc<Mutex<State>>);

struct Open {
    disk: Simulated,
    file: usize,
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// One more operation, unless everything has stopped.
    fn operation(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.stops_at.is_some_and(|at| state.operations >= at) {
            return Err(io::Error::other("the power is off"));
        }
        state.operations += 1;
        Ok(state)
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// From this operation on everything fails.
    pub(super) fn stop_at(&self, operation: u64) {
        self.state().stops_at = Some(operation);
    }

    /// So many more bytes can be written; `None`: any number.
    pub(super) fn set_room(&self, room: Option<usize>) {
        self.state().room = room;
    }

    /// What was written and not synced when a sync fails is forgotten at once, though the next sync may succeed.
    pub(super) fn set_syncs_fail(&self, fail: bool) {
        self.state().syncs_fail = fail;
    }

    /// The disk that is found at the next start.
    pub(super) fn after_crash(&self, survives: Survives) -> Simulated {
        let mut state = self.state().clone();
        state.stops_at = None;
        if let Survives::Nothing = survives {
            state.names = state.durable_names.clone();
        }
        for file in &mut state.files {
            let tail = file.bytes.len() - file.durable;
            let kept = match survives {
                Survives::Nothing => 0,
                Survives::Everything => tail,
                Survives::Eighths(n) => tail * n / 8,
            };
            file.bytes.truncate(file.durable + kept);
            file.durable = file.bytes.len();
        }
        state.durable_names = state.names.clone();
        Simulated(Arc::new(Mutex::new(state)))
    }

    /// What a file holds.
    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[name]].bytes.clone()
    }
}

impl Disk for Simulated {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<(Box<dyn Read>, u64)> {
        let state = self.state();
        let file = *state.names.get(name).ok_or(ErrorKind::NotFound)?;
        let bytes = state.files[file].bytes.clone();
        let len = bytes.len() as u64;
        Ok((Box::new(io::Cursor::new(bytes)), len))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.operation()?;
        let file = match state.names.get(name) {
            // An old file of the name is emptied; what it held may come back after a crash, or not.
            Some(&file) => {
                state.files[file] = Content::default();
                file
            }
            None => {
                state.files.push(Content::default());
                let file = state.files.len() - 1;
                state.names.insert(name.to_owned(), file);
                file
            }
        };
        Ok(Box::new(Open { disk: self.clone(), file }))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let file = *self.operation()?.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(Open { disk: self.clone(), file }))
    }

    fn cut(&self, name: &str, len: u64) -> io::Result<()> {
        let mut state = self.operation()?;
        let file = *state.names.get(name).ok_or(ErrorKind::NotFound)?;
        state.files[file].bytes.truncate(len as usize);
        state.files[file].durable = len as usize;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        let file = state.names.remove(from).ok_or(ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operation()?.names.remove(name).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.operation()?;
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl LogFile for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.operation()?;
        let count = bytes.len().min(state.room.unwrap_or(usize::MAX));
        if count == 0 && !bytes.is_empty() {
            return Err(io::Error::from_raw_os_error(28));
        }
        state.room = state.room.map(|room| room - count);
        state.files[self.file].bytes.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.operation()?;
        let fails = state.syncs_fail;
        let file = &mut state.files[self.file];
        if fails {
            // A hole, of which nobody is told again.
            let (durable, len) = (file.durable, file.bytes.len());
            file.bytes[durable..len].fill(0);
            return Err(io::Error::from_raw_os_error(5));
        }
        file.durable = file.bytes.len();
        Ok(())
    }

    fn twin(&self) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(Open { disk: self.disk.clone(), file: self.file }))
    }
}
