//! What `INFO` counts.

use std::cell::Cell;
use std::collections::BTreeMap;

/// Counts since the start or since `CONFIG RESETSTAT`.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// The time of the first command.
    pub(crate) started_ms: Option<u64>,
    /// Commands carried out.
    pub(crate) commands: u64,
    /// Clients that ever connected.
    pub(crate) connections: u64,
    /// Keys removed because their deadline had come.
    pub(crate) expired: u64,
    /// Keys removed to make room.
    pub(crate) evicted: u64,
    /// Reads that found their key, and that did not. In cells, since reads change nothing else.
    pub(crate) hits: Cell<u64>,
    pub(crate) misses: Cell<u64>,
    /// The most memory that was ever in use.
    pub(crate) memory_peak: usize,
    /// By the command's place in the table of commands; empty before the first.
    pub(crate) calls: Vec<Calls>,
    /// Error replies by their code.
    pub(crate) errors: BTreeMap<String, u64>,
}

/// How often a command was called.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    /// Not even tried: wrong number of arguments, not allowed now.
    pub(crate) rejected: u64,
    /// Microseconds, as far as the owner tells.
    pub(crate) micros: u64,
}

impl Statistics {
    /// Begins to count anew, but not the uptime.
    pub(crate) fn reset(&mut self) {
        *self = Statistics { started_ms: self.started_ms, memory_peak: self.memory_peak, ..Statistics::default() };
    }

    /// The counts of a command, by its place in the table of commands.
    pub(crate) fn of(&mut self, command: usize) -> &mut Calls {
        if self.calls.len() <= command {
            self.calls.resize(command + 1, Calls::default());
        }
        &mut self.calls[command]
    }

    /// An error was answered.
    pub(crate) fn error(&mut self, text: &[u8]) {
        let code = text.split(|&b| b == b' ').next().unwrap_or_default();
        *self.errors.entry(String::from_utf8_lossy(code).into_owned()).or_default() += 1;
    }
}
