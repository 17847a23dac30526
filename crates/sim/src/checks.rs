//! The promises of the protocol as checks, and what is said when one is broken.

use model::Time;
use std::collections::BTreeMap;
use std::fmt;

/// Which promise is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// When writes stop, every copy equals what the command answers.
    Convergence,
    /// Revisions and ids only rise, messages come in the publisher's order, a value is one that the command answered.
    Order,
    /// What was not delivered is said.
    NoSilentLoss,
    /// Outboxes, links and tables stay within their limits, and nothing is left when all are gone.
    BoundedMemory,
    /// Every request is answered once, by its own answer, and shows what was written before it.
    Answers,
    /// Nothing reaches a client that its rules forbid.
    Permissions,
    /// A node reads once per change.
    OncePerNode,
    /// The bytes themselves: frames, JSON, patches that apply.
    Format,
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub check: Check,
    /// When it was seen.
    pub at: Time,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} broken at {:.3} ms: {}", self.check, self.at.0 as f64 / 1000.0, self.what)
    }
}

/// What the checks found in a run. A run ends with the first.
#[derive(Debug, Default)]
pub struct Checks {
    found: Vec<Violation>,
    now: Time,
    counts: Counts,
}

/// How often something happened that a check depends on: a world where it never does proves nothing.
pub type Counts = BTreeMap<&'static str, u64>;

impl Checks {
    /// Time goes on.
    pub fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// A promise is broken.
    pub fn broken(&mut self, check: Check, what: impl Into<String>) {
        self.found.push(Violation { check, at: self.now, what: what.into() });
    }

    /// A promise is broken unless `holds`.
    pub fn require(&mut self, holds: bool, check: Check, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(check, what());
        }
    }

    /// Takes what a machine of the simulator returned.
    pub fn take(&mut self, who: &str, result: Result<(), Broken>) {
        if let Err((check, what)) = result {
            self.broken(check, format!("{who}: {what}"));
        }
    }

    /// Whether all promises were kept up to now.
    pub fn hold(&self) -> bool {
        self.found.is_empty()
    }

    /// Something happened, so many times.
    pub fn count(&mut self, what: &'static str, times: u64) {
        *self.counts.entry(what).or_default() += times;
    }

    /// The first broken promise, and what happened how often.
    pub fn into_parts(self) -> (Option<Violation>, Counts) {
        (self.found.into_iter().next(), self.counts)
    }
}

/// What a part of the simulator returns that saw a promise broken.
pub type Broken = (Check, String);
