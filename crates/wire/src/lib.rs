//! Bytes to messages and back: what the doors say on their sockets, without sockets.
//!
//! ```text
//!  socket bytes ─► ws::Decoder ─► Message ─► native::decode ─► model::Request
//!                                        └─► line::command ──► model::Args          (/raw, ?live=…)
//!  HTTP body ──────────────────────────────► http::decode ───► model::Args, pipelined
//!  RESP: both ends of it, see [`resp`]
//!
//!  model::Response  ─► encode_response(format, …) ─┐
//!  model::FeedEvent ─► encode_event(format, …) ────┴─► bytes ready for the socket
//! ```
//!
//! The contract, in four sentences. Decoders are incremental where the transport is a stream of bytes ([`ws::Decoder`]
//! holds nothing while nothing is incomplete), and take whole texts elsewhere; they never panic, never recurse over
//! what a client nests, and bound what they keep by limits they are given. Encoders append to a buffer of the caller,
//! and what they append is complete: header and payload, one socket write. The same input always gives the same bytes,
//! so that an event is encoded once and shared by all who hear it. Nothing here knows sockets, time, topics or who is
//! allowed to do what.

#![forbid(unsafe_code)]

pub mod http;
pub mod json;
pub mod line;
pub mod native;
pub mod raw;
pub mod resp;
pub mod sse;
pub mod ws;

mod args;
mod encode;

pub use encode::{Encoded, encode_event, encode_response};
