//! One entrance to the encoders: a format, what to say, and the bytes for the socket, frames included.

use crate::ws::{self, Opcode};
use crate::{http, native, raw, sse};
use model::{CloseCode, FeedEvent, FeedId, Format, Response};

/// What encoding came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Encoded {
    /// The buffer holds what to send.
    Frame,
    /// The format says nothing here; nothing was appended.
    Nothing,
    /// The format can only say it by ending the connection; nothing was appended, the close frame is the caller's.
    Close(CloseCode),
}

/// Appends a response in the format: WebSocket frames, events, or an HTTP body.
pub fn encode_response(format: Format, response: &Response, out: &mut Vec<u8>) -> Encoded {
    match format {
        Format::Native => frame(out, |out| native::encode_response(response, out)),
        Format::Raw => raw::encode_response(response, out),
        Format::Sse => sse::encode_response(response, out),
        Format::Http => {
            if http::encode_response(response, out) {
                Encoded::Frame
            } else {
                Encoded::Nothing
            }
        }
    }
}

/// Appends a feed's event in the format: the same bytes for every subscriber of the feed.
pub fn encode_event(format: Format, feed: FeedId, event: &FeedEvent, out: &mut Vec<u8>) -> Encoded {
    match format {
        Format::Native => frame(out, |out| native::encode_event(feed, event, out)),
        Format::Raw => raw::encode_event(event, out),
        Format::Sse => sse::encode_event(event, out),
        Format::Http => Encoded::Nothing,
    }
}

fn frame(out: &mut Vec<u8>, json: impl FnOnce(&mut Vec<u8>)) -> Encoded {
    let mark = ws::begin(out);
    json(out);
    ws::finish(mark, Opcode::Text, out);
    Encoded::Frame
}
