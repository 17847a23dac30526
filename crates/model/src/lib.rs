//! The nouns that every other crate speaks: names, values, requests, frames, limits.
//!
//! `model` holds data and the parsing of names. It knows no format of bytes on a wire, no behaviour of a
//! connection, no clock. Everything here is cheap to clone: byte strings are [`bytes::Bytes`], commands are
//! shared slices.
//!
//! ```text
//!  client ── Request ──► session ── BackendRequest ──► backend
//!  client ◄─ Response ── lane ◄──── BackendEvent ───── backend
//!  client ◄─ FeedEvent ─ live
//! ```

#![forbid(unsafe_code)]

pub mod backend;
pub mod command;
pub mod double;
pub mod error;
pub mod feed;
pub mod glob;
pub mod histogram;
pub mod ids;
pub mod limits;
pub mod reply;
pub mod request;
pub mod slot;
pub mod stream;
pub mod strings;
pub mod time;
pub mod topic;
pub mod value;

pub use error::{CloseCode, Error, ErrorCode};
pub use feed::{FeedEvent, PatchOp};
pub use histogram::Histogram;
pub use ids::{ConnId, FeedId, LaneId, Ticket, WatchId};
pub use limits::Limits;
pub use reply::{Frame, Reply};
pub use request::{Request, Response, Verb};
pub use stream::{Entry, EntryId};
pub use strings::{Shape, Strings, StringsBuilder};
pub use time::Time;
pub use topic::{FeedKey, Format, Pace, Topic};
pub use value::Value;

use std::sync::Arc;

/// A Redis command line: the command's name and its arguments, as the client sent them (binary safe).
/// Never empty where a decoder produced it. Shared, because a live query repeats its command.
pub type Args = Arc<[bytes::Bytes]>;
