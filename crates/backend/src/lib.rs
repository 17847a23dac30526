//! Where the data is: the embedded store, or servers of Redis' kind.
//!
//! A backend is a pair of message types ([`model::backend`]); which one a node has is decided where it is assembled.
//! Nothing here knows sessions, topics or doors.

mod embedded;
mod files;
pub mod redis;

pub use embedded::Embedded;
pub use files::OpenError;
pub use redis::{Redis, RedisConfig};
