//! One thread's world: its clients and the topics whose home it is, composed of `session`, `hub` and `live`.
//!
//! A [`Lane`] is plain data. Everything that can happen to it is an [`Event`]; everything it wants is an [`Output`], a
//! piece of [`Mail`] for another lane, or bytes for a client. It decides nothing itself: it turns one machine's
//! outputs into another's inputs. No machine calls another.
//!
//! ```text
//!            Event ──►┌────────────────── Lane ──────────────────┐──► Output
//!                     │ session ─ Open ─► mail ─► live           │
//!  bytes ◄── hub ◄────│────────── frames ◄─ mail ◄─ wire ◄─ live │◄──► mail of other lanes
//!                     └──────────────────────────────────────────┘
//! ```
//!
//! A shell drives it in turns:
//! 1. [`Lane::handle`] for each event that is there;
//! 2. [`Lane::end_turn`];
//! 3. [`Lane::next_mail`] for each other lane, as far as its mailbox has room;
//! 4. [`Lane::next_dirty`], [`Lane::chunks`], [`Lane::wrote`] to write to sockets;
//! 5. begin anew if [`Lane::wants_turn`]; else
//! 6. sleep until something happens or [`Lane::next_timeout`] has come ([`Event::Timeout`]).

#![forbid(unsafe_code)]

mod auth;
mod client;
mod event;
mod home;
mod lane;
mod link;
mod liveness;
mod mail;
mod notice;
mod replies;
mod setup;
mod slow;

pub use event::{Event, Output};
pub use hub::Class;
pub use lane::{Config, Counters, Lane};
pub use mail::Mail;
pub use notice::{ClientInfo, Notice, What};
pub use session::acl::RuleError;
pub use session::{Allowance, Grant, NamedQueries, RateLimit, Revoked};
pub use setup::{Setup, parse_anonymous, parse_deny, parse_queries};
