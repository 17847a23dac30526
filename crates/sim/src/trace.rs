//! What happened in a run: a hash of all of it, and, when asked for, readable lines of the last part.
//!
//! Lines are only made when somebody will read them: a failing seed is simply run again with lines on, since the same
//! seed gives the same run.

use model::Time;
use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

/// So many lines are kept.
const LINES_MAX: usize = 20_000;

/// The record of a run.
#[derive(Debug)]
pub struct Trace {
    /// SipHash with fixed keys: the same in every process.
    hasher: DefaultHasher,
    is_on: bool,
    lines: VecDeque<String>,
}

impl Trace {
    /// A record; `is_on`: with lines.
    pub fn new(is_on: bool) -> Trace {
        Trace { hasher: DefaultHasher::new(), is_on, lines: VecDeque::new() }
    }

    /// Enters bytes that somebody received.
    pub fn bytes(&mut self, now: Time, bytes: &[u8]) {
        self.hasher.write_u64(now.0);
        self.hasher.write(bytes);
    }

    /// Enters a line, which is made only if lines are kept.
    pub fn line(&mut self, now: Time, line: impl FnOnce() -> String) {
        if self.is_on {
            self.lines.push_back(format!("{:>9.3} ms  {}", now.0 as f64 / 1000.0, line()));
            if self.lines.len() > LINES_MAX {
                self.lines.pop_front();
            }
        }
    }

    /// The hash of everything entered up to now.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The last lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
