//! RESP, Redis' protocol, versions 2 and 3: both ends of a connection.
//!
//! ```text
//!  as a client of Redis    encode_command ─► bytes ─► …        … ─► bytes ─► ReplyDecoder ─► model::Frame
//!  as a Redis              bytes ─► RequestDecoder ─► model::Args        encode_reply, encode_push ─► bytes
//! ```
//!
//! The decoders take what they can from the buffer that the socket is read into and leave the rest, at most an
//! unfinished line. They stand on a stack of open aggregates and on the string under way, so that bytes which come one by
//! one cost no more than bytes which come at once.
//!
//! **Who owns the bytes.** Every string is copied once, out of the read buffer into memory of its own that is just as
//! long. Nothing that anybody keeps pins a read buffer (a slice of ten bytes would hold all of it), so one buffer is
//! reused for the life of a connection, and a string longer than the buffer gathers outside of it. Memory grows with
//! what has arrived, never with what was announced.

mod encode;
mod gather;
mod number;
mod reply;
mod request;
mod token;

#[cfg(test)]
mod recorded;

pub use encode::{Protocol, encode_command, encode_line, encode_push, encode_reply};
pub use reply::{ProtocolError, ReplyDecoder, ReplyLimits, SKIP_DEPTH_MAX};
pub use request::{RequestDecoder, RequestError, RequestLimits};
