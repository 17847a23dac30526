//! `/raw`: a WebSocket without a protocol. One frame is one payload, and what a frame cannot say ends the connection.
//!
//! | what | frame |
//! |---|---|
//! | a string | text, verbatim |
//! | bytes that are not UTF-8 | binary, verbatim |
//! | nil | text `null` |
//! | an error | text `(error) CODE sentence` |
//! | anything else | text, JSON |
//!
//! | what ends a feed | close code, and so the advice |
//! |---|---|
//! | `missed`, `gap`, `RESET` | 4101: something would have been lost; come back and begin anew |
//! | `TOOBIG`, `TOOMANY` | 4102: over a limit |
//! | `UNAVAILABLE` | 1013: try later |
//! | `NOPERM`, anything else | 1008: not allowed here |

use crate::Encoded;
use crate::json;
use crate::ws::{self, Opcode};
use model::error::{RESET, TOOBIG, TOOMANY, UNAVAILABLE};
use model::request::{Content, Opening};
use model::{CloseCode, Error, FeedEvent, Response, Value};

/// Appends the frame of a response, if it has one: a reply, an error, or the value a query opens with.
pub fn encode_response(response: &Response, out: &mut Vec<u8>) -> Encoded {
    match response {
        Response::Result { value: reply, .. } => value(reply, out),
        Response::Pong { json, .. } => ws::frame(Opcode::Text, json.as_bytes(), out),
        Response::Error { error, .. } => failure(error, out),
        Response::Opened { state: Opening::Query { content, .. }, .. } => match content {
            Content::Value(_, first) => value(first, out),
            Content::Error(error) => failure(error, out),
            Content::Same(_) => return Encoded::Nothing,
        },
        Response::Opened { .. } | Response::Hello(_) => return Encoded::Nothing,
    }
    Encoded::Frame
}

/// Appends the frames of a feed's event: one, or one per stream entry.
pub fn encode_event(event: &FeedEvent, out: &mut Vec<u8>) -> Encoded {
    match event {
        FeedEvent::Value { value: new, .. } | FeedEvent::Patch { value: new, .. } => value(new, out),
        FeedEvent::Message(message) | FeedEvent::PatternMessage { message, .. } => payload(message, out),
        FeedEvent::Error { error, .. } => failure(error, out),
        FeedEvent::Entries(entries) if entries.is_empty() => return Encoded::Nothing,
        FeedEvent::Entries(entries) => {
            for entry in entries {
                text(out, |out| json::entry(entry, out));
            }
        }
        FeedEvent::Stale(_) => return Encoded::Nothing,
        FeedEvent::Missed(_) | FeedEvent::Gap { .. } => return Encoded::Close(CloseCode::TooSlow),
        FeedEvent::Closed(error) => return Encoded::Close(close_code(error)),
    }
    Encoded::Frame
}

/// The close code of a feed that the server ended, or refused to open.
pub fn close_code(error: &Error) -> CloseCode {
    match &*error.code {
        RESET => CloseCode::TooSlow,
        TOOBIG | TOOMANY => CloseCode::OverLimit,
        UNAVAILABLE => CloseCode::TryLater,
        _ => CloseCode::Policy,
    }
}

fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Str(utf8) => ws::frame(Opcode::Text, utf8, out),
        Value::Binary(bytes) => ws::frame(Opcode::Binary, bytes, out),
        Value::Error(line) => text(out, |out| {
            out.extend_from_slice(b"(error) ");
            out.extend_from_slice(String::from_utf8_lossy(line).as_bytes());
        }),
        other => text(out, |out| json::write(other, out)),
    }
}

fn payload(bytes: &[u8], out: &mut Vec<u8>) {
    let utf8 = simdutf8::basic::from_utf8(bytes).is_ok();
    ws::frame(if utf8 { Opcode::Text } else { Opcode::Binary }, bytes, out);
}

fn failure(error: &Error, out: &mut Vec<u8>) {
    ws::frame(Opcode::Text, format!("(error) {error}").as_bytes(), out);
}

fn text(out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let mark = ws::begin(out);
    payload(out);
    ws::finish(mark, Opcode::Text, out);
}
