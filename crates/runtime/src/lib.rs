//! Threads, mailboxes, timers, the only clock: drives lanes without knowing what any message means.
//!
//! ```text
//!   thread of lane 0                          thread of lane 1
//!   ┌ connection tasks ─► Lane ◄─ pump ┐      ┌ connection tasks ─► Lane ◄─ pump ┐
//!   └──────── embedded store ──────────┘◄────►└──────────────────────────────────┘
//!                                     mailboxes
//! ```
//!
//! Each lane has a thread with a single-threaded tokio runtime. Connection tasks call the lane directly through a
//! [`LaneHandle`], never across an `.await`. One task per lane, the pump, runs behind them in the same turn: it takes
//! the whole mailbox, fires timers, passes requests to the backend, posts mail to other lanes and writes what is queued
//! to the sockets, one system call each. Nothing here waits for a client or for another lane.

mod addresses;
mod allowances;
mod clients;
mod clock;
mod delivery;
mod mailbox;
mod node;
mod notices;
mod queue;
mod sampler;
mod shell;

pub use addresses::{Addresses, Place};
pub use allowances::Allowances;
pub use clients::{ClientLimits, ClientNumber, ClientOutput, Desk, OutputClass, OutputLimit, Peer, Service};
pub use clock::{Clock, Moment};
pub use mailbox::Mailbox;
pub use node::{Admission, Arrival, Lanes, Node, NodeConfig, start};
pub use queue::{Share, Slice, TakeTurn};
pub use sampler::{Sampler, readable};
pub use shell::{Backend, Connection, LaneHandle, LaneReport, Measure, Report, Waker, Written};
