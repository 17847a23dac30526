//! The differential test: random scripts of commands, run on this store and on a real server, must give the same
//! replies and leave the same keys.
//!
//! ```text
//! grammar   a family of commands as data: templates and pools  ->  a script by seed
//! server    a real server in a folder of its own, gone when the test is
//! resp      its replies, read as `model::Reply`
//! compare   what counts as equal: order, randomness, time, and the named differences between versions
//! differ    runs a script on both, shrinks what fails, prints it
//! sessions  the same with several clients, for what is between them
//! ```
//!
//! A family is a [`grammar::Family`]; a test calls [`differ::check`] with it. `KEYWIRE_DIFFERENTIAL=20000` sets how many
//! scripts are run (a few seconds' worth if unset), `KEYWIRE_SEED=7` where they begin, `KEYWIRE_VALKEY=/path/valkey-server`
//! adds a second server.

#![allow(dead_code, reason = "each test crate uses a part")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the other side is a server with sockets")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub mod compare;
pub mod differ;
pub mod grammar;
pub mod resp;
pub mod server;
pub mod sessions;
