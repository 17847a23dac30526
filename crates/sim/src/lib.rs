//! A whole node in one thread, on virtual time, under one seed: lanes, their clients, a faulty network and a faulty
//! backend, and the promises of the protocol watched while everything goes wrong.
//!
//! ```text
//!  seed ──► Plan ──► World ──► run ──► Outcome: a hash of what happened, and the first broken promise
//!                      │
//!   clients (reader, copies) ── network ── doors ── lanes ── backend ── data ── second writer
//!                                                            │
//!                                  the embedded store, or Upstream ── network ── a Redis
//! ```
//!
//! * `plan`: what the seed decides before the run. `words`: the names and commands that everybody uses.
//! * `world`: time and jobs. `node`: lanes and their mailboxes, driven as `runtime` does. `network`: sockets and doors.
//! * `backend`: either of two, out of reach at times: the store, told of as `crates/backend` does; or `redis`, a
//!   simulated server behind the machine that knows Redis. `data`: the store. `history`: what it truly did. `usage`: who
//!   read what, and why.
//! * `post`: pipelines of `POST /command`. `client`: requests and answers. `copy`: one feed, and what may be told of it. `reader`: bytes to frames.
//! * [`checks`]: the promises. [`faults`]: what is broken on purpose, so that each check is seen to work.
//!
//! The same seed gives the same run, so a failure is a number: `KEYWIRE_SIM_SEED=17 cargo test -p sim --test seeds`.

mod backend;
pub mod checks;
mod client;
mod copy;
mod data;
pub mod faults;
mod history;
mod network;
mod node;
mod plan;
mod post;
mod reader;
mod redis;
mod trace;
mod usage;
mod words;
mod world;

use checks::{Counts, Violation};
use faults::Fault;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The same for every run of the same seed.
    pub hash: u64,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    /// How often the planted fault struck.
    pub struck: u64,
    /// What happened how often.
    pub counts: Counts,
    /// The last of what happened, if lines were asked for.
    pub lines: Vec<String>,
}

/// Runs the world of a seed to its end, with a planted fault if one is given; `is_traced`: with lines for people.
pub fn run(seed: u64, fault: Option<Fault>, is_traced: bool) -> Outcome {
    let mut world = world::World::new(seed, fault, is_traced);
    world.run();
    let world::World { trace, checks, faults, .. } = world;
    let (violation, counts) = checks.into_parts();
    Outcome { hash: trace.hash(), struck: faults.struck, lines: trace.into_lines(), violation, counts }
}
