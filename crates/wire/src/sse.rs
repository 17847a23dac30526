//! `/sse`: feeds as `text/event-stream` (WHATWG HTML, 9.2 Server-sent events).
//!
//! | event | data | id |
//! |---|---|---|
//! | `value` | the value | its tag |
//! | `patch` | the operations | the new value's tag |
//! | `failed` | `{"code","message"}`: what the command answers now (`error` is `EventSource`'s own) | |
//! | `message` | the message; of a pattern `{"channel","message"}` | |
//! | `entries` | `[["id",{…}],…]` | the last entry's |
//! | `gap` | `{"after","first"}` | |
//! | `missed` | the number, or `null` | |
//! | `stale` | `true` or `false` | |
//! | `closed` | `{"code","message"}`: the feed ended, or was refused | |
//!
//! Data is JSON without line ends, so one `data:` line always holds it. An `id:` without data dispatches no event but sets
//! what the browser sends as `Last-Event-ID` ("Set the last event ID string of the event source to the value of the last
//! event ID buffer. If the data buffer is an empty string, […] return."): a stream's place is told so at opening, before
//! any entry has come.

use crate::Encoded;
use crate::json;
use model::request::{Content, Opening};
use model::{Error, FeedEvent, PatchOp, Response, Value};

/// Appends what an opening, or its refusal, shows. Replies and greetings have no place in an event stream.
pub fn encode_response(response: &Response, out: &mut Vec<u8>) -> Encoded {
    match response {
        Response::Opened { state, stale, .. } => {
            let before = out.len();
            opening(state, out);
            if *stale {
                self::stale(true, out);
            }
            if out.len() > before { Encoded::Frame } else { Encoded::Nothing }
        }
        Response::Error { error, .. } => {
            event("closed", None, out, |out| json::error(error, out));
            Encoded::Frame
        }
        Response::Hello(_) | Response::Result { .. } | Response::Pong { .. } => Encoded::Nothing,
    }
}

/// Appends a feed's event.
pub fn encode_event(feed_event: &FeedEvent, out: &mut Vec<u8>) -> Encoded {
    match feed_event {
        FeedEvent::Value { tag, value: new, .. } => value(tag.as_str(), new, out),
        FeedEvent::Patch { tag, ops, .. } => patch(tag.as_str(), ops, out),
        FeedEvent::Error { error, .. } => failed(error, out),
        FeedEvent::Message(message) => event("message", None, out, |out| json::bytes(message, out)),
        FeedEvent::PatternMessage { channel, message } => event("message", None, out, |out| {
            out.extend_from_slice(b"{\"channel\":");
            json::bytes(channel, out);
            out.extend_from_slice(b",\"message\":");
            json::bytes(message, out);
            out.push(b'}');
        }),
        FeedEvent::Entries(entries) => {
            let Some(last) = entries.last() else { return Encoded::Nothing };
            event("entries", Some(&last.id.to_string()), out, |out| json::entries(entries, out));
        }
        FeedEvent::Gap { after, first } => event("gap", None, out, |out| json::gap(*after, *first, out)),
        FeedEvent::Missed(count) => event("missed", None, out, |out| json::uint_or_null(*count, out)),
        FeedEvent::Stale(is_stale) => stale(*is_stale, out),
        FeedEvent::Closed(error) => event("closed", None, out, |out| json::error(error, out)),
    }
    Encoded::Frame
}

/// Appends a comment that keeps proxies from closing a silent stream.
pub fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b": ping\n\n");
}

fn opening(state: &Opening, out: &mut Vec<u8>) {
    match state {
        Opening::Query { content: Content::Value(tag, first), .. } => value(tag.as_str(), first, out),
        Opening::Query { content: Content::Error(error), .. } => failed(error, out),
        Opening::Query { content: Content::Same(tag), .. } => {
            out.extend_from_slice(b": same\n");
            place(tag.as_str(), out);
        }
        Opening::Stream { from } => place(&from.to_string(), out),
        Opening::Channel => {}
    }
}

fn value(tag: &str, value: &Value, out: &mut Vec<u8>) {
    event("value", Some(tag), out, |out| json::write(value, out));
}

fn patch(tag: &str, ops: &[PatchOp], out: &mut Vec<u8>) {
    event("patch", Some(tag), out, |out| json::patch(ops, out));
}

fn failed(error: &Error, out: &mut Vec<u8>) {
    event("failed", None, out, |out| json::error(error, out));
}

fn stale(stale: bool, out: &mut Vec<u8>) {
    event("stale", None, out, |out| json::write(&Value::Bool(stale), out));
}

fn event(name: &str, id: Option<&str>, out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(b"\nid: ");
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}

/// An id without an event.
fn place(id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\n\n");
}
