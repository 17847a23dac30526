//! One client's rights and state.
//!
//! [`Session`] is the machine of one connection: requests in, outputs out, whatever door they came through. What a client
//! may do is decided by one function, [`authorise`], from its rules ([`acl::Rules`], Redis' own ACL language) and the
//! configuration's [`acl::DenyCommands`]. Whose rules they are somebody else found out: a [`Grant`] comes with the
//! connection or later, by the verb `auth`. This crate knows neither the door nor the backend, nor what a token is.
//!
//! ```text
//!            ┌ rate ─ id ─ user? ┐        ┌ authorise ── acl: rules, deny_commands
//!  Request ──►      Session       ├─verb──►┤ named       what a name of the settings stands for
//!            │                   │        │ shared      what one client may not do to a connection that all use
//!            └ requests, feeds ──┘        └ query       which commands can be live, and how
//!                 │
//!                 └─► Output: answer, command, transaction, open, close, end
//! ```
//!
//! 1. `handle_request` for each request while `wants_input`; the lane carries the outputs out.
//! 2. `handle_answered`, `handle_opened`, `handle_refused` when what a request asked for has come to its end.
//! 3. `handle_authenticated` when a token was looked at; then `handle_topic` for each feed, so that those go which the new
//!    rules forbid.
//! 4. `handle_feed_closed` when the server ended a feed; `handle_timeout` at `next_timeout`.

#![forbid(unsafe_code)]

mod grant;
mod known;
mod machine;
mod named;
mod query;
mod rate;
mod revoked;
mod shared;

pub use acl;
pub use acl::{Authorised, Claims, authorise};
pub use grant::{Grant, RuleLists};
pub use machine::{Config, Joined, Output, RateLimit, Session};
pub use named::NamedQueries;
pub use rate::Allowance;
pub use revoked::Revoked;
