//! The keywire protocol, version 1, as JSON text: requests read, responses and feed frames written.
//!
//! The texts are the payloads of WebSocket text frames; [`crate::encode_response`] and [`crate::encode_event`] put the
//! frames around them.

mod decode;
mod encode;

pub use decode::{BadRequest, Decoded, decode};
pub use encode::{encode_event, encode_response};
