//! One client's rights and state.
//!
//! [`Session`] is the machine of one connection: requests in, outputs out, whatever door they came through. What a client
//! may do is decided by one function, [`authorise`], from its rules ([`acl::Rules`], Redis' own ACL language) and the
//! configuration's [`acl::DenyCommands`]. This crate knows neither the door nor the backend.
//!
//! ```text
//!            ┌ rate ─ id ─ user? ┐        ┌ authorise ── acl: rules, deny_commands
//!  Request ──►      Session       ├─verb──►┤ shared      what one client may not do to a connection that all use
//!            └ requests, feeds ──┘        └ query       which commands can be live, and how
//!                 │
//!                 └─► Output: answer, command, transaction, open, close, end
//! ```
//!
//! 1. `handle_request` for each request while `wants_input`; the lane carries the outputs out.
//! 2. `handle_answered`, `handle_opened`, `handle_refused` when what a request asked for has come to its end.
//! 3. `handle_feed_closed` when the server ended a feed; `handle_timeout` at `next_timeout`.

#![forbid(unsafe_code)]

pub mod acl;
mod authorise;
mod machine;
mod query;
mod rate;
mod shared;

pub use authorise::{Authorised, authorise};
pub use machine::{Config, Joined, Output, Session};
