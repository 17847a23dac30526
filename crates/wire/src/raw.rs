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
//! | (a `gap` before the first entry is not told: who asks from 0 wants what is there) | |
//! | `TOOBIG`, `TOOMANY` | 4102: over a limit |
//! | `UNAVAILABLE` | 1013: try later |
//! | `NOPERM`, anything else | 1008: not allowed here |

use crate::Encoded;
use crate::json;
use crate::ws::{self, Opcode};
use model::error::{RESET, TOOBIG, TOOMANY, UNAVAILABLE};
use model::request::{Content, Opening};
use model::{CloseCode, EntryId, Error, FeedEvent, Response, Value};

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
        // Who asks from 0 wants all that is there; closing would come again at every return.
        FeedEvent::Stale(_) | FeedEvent::Gap { after: EntryId::MIN, .. } => return Encoded::Nothing,
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::feed::Tag;
    use model::request::Via;
    use model::{Entry, FeedId};
    use std::rc::Rc;

    fn framed(opcode: Opcode, payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        payloads.iter().for_each(|payload| ws::frame(opcode, payload, &mut out));
        out
    }

    fn check_reply(response: Response, opcode: Opcode, payload: &[u8]) {
        let mut out = Vec::new();
        assert_eq!(encode_response(&response, &mut out), Encoded::Frame);
        assert_eq!(out, framed(opcode, &[payload]), "{response:?}");
    }

    fn check_event(event: FeedEvent, opcode: Opcode, payloads: &[&[u8]]) {
        let mut out = Vec::new();
        assert_eq!(encode_event(&event, &mut out), Encoded::Frame);
        assert_eq!(out, framed(opcode, payloads), "{event:?}");
    }

    #[test]
    fn replies_are_bare() {
        let result = |value| Response::Result { id: 1, value };
        check_reply(result(Value::Str("a \"b\"\n".into())), Opcode::Text, b"a \"b\"\n");
        check_reply(result(Value::Binary(Bytes::from_static(b"\xff\0"))), Opcode::Binary, b"\xff\0");
        check_reply(result(Value::Null), Opcode::Text, b"null");
        check_reply(result(Value::Int(5)), Opcode::Text, b"5");
        check_reply(result(Value::Array(vec![Value::Str("a".into()), Value::Null])), Opcode::Text, br#"["a",null]"#);
        check_reply(result(Value::Error("WRONGTYPE no".into())), Opcode::Text, b"(error) WRONGTYPE no");
        let error = Error::new("NOPERM", "no");
        check_reply(Response::Error { id: None, error }, Opcode::Text, b"(error) NOPERM no");
        check_reply(Response::Pong { id: 1, json: "[1]".into() }, Opcode::Text, b"[1]");
    }

    #[test]
    fn a_query_opens_with_its_value_and_the_rest_in_silence() {
        let opened = |state| Response::Opened { id: 0, feed: FeedId(1), state, stale: true };
        let query = |content| opened(Opening::Query { rev: 1, via: Via::Tracking, content });
        let tag = Tag(*b"0123456789abcdef");
        check_reply(query(Content::Value(tag, Rc::new(Value::Str("v".into())))), Opcode::Text, b"v");
        check_reply(query(Content::Error(Error::new("WRONGTYPE", "x"))), Opcode::Text, b"(error) WRONGTYPE x");
        let stream = Opening::Stream { from: EntryId::MIN };
        for silent in [query(Content::Same(tag)), opened(Opening::Channel), opened(stream)] {
            let mut out = Vec::new();
            assert_eq!(encode_response(&silent, &mut out), Encoded::Nothing);
            assert_eq!(out, b"");
        }
    }

    #[test]
    fn events_are_payloads() {
        let tag = Tag(*b"0123456789abcdef");
        let value = Rc::new(Value::Str("v".into()));
        check_event(FeedEvent::Value { rev: 1, tag, value: value.clone() }, Opcode::Text, &[b"v"]);
        check_event(FeedEvent::Patch { rev: 2, tag, ops: Rc::new(vec![]), value }, Opcode::Text, &[b"v"]);
        check_event(FeedEvent::Message("m".into()), Opcode::Text, &[b"m"]);
        check_event(FeedEvent::Message(Bytes::from_static(b"\xfe")), Opcode::Binary, &[b"\xfe"]);
        let pattern = FeedEvent::PatternMessage { channel: "c".into(), message: "m".into() };
        check_event(pattern, Opcode::Text, &[b"m"]);
        let error = Error::new("WRONGTYPE", "x");
        check_event(FeedEvent::Error { rev: 3, error }, Opcode::Text, &[b"(error) WRONGTYPE x"]);
        let entry = |seq| Entry { id: EntryId::new(7, seq), fields: vec![("f".into(), "v".into())] };
        let entries = FeedEvent::Entries(vec![entry(0), entry(1)]);
        check_event(entries, Opcode::Text, &[br#"["7-0",{"f":"v"}]"#, br#"["7-1",{"f":"v"}]"#]);
    }

    #[test]
    fn what_no_frame_can_say_ends_the_connection() {
        let closed = |code: &'static str| FeedEvent::Closed(Error::new(code, "x"));
        for (event, expected) in [
            (FeedEvent::Missed(Some(1)), Encoded::Close(CloseCode::TooSlow)),
            (FeedEvent::Missed(None), Encoded::Close(CloseCode::TooSlow)),
            (FeedEvent::Gap { after: EntryId::MIN, first: None }, Encoded::Nothing),
            (FeedEvent::Gap { after: EntryId::new(0, 1), first: None }, Encoded::Close(CloseCode::TooSlow)),
            (closed("RESET"), Encoded::Close(CloseCode::TooSlow)),
            (closed("TOOBIG"), Encoded::Close(CloseCode::OverLimit)),
            (closed("TOOMANY"), Encoded::Close(CloseCode::OverLimit)),
            (closed("UNAVAILABLE"), Encoded::Close(CloseCode::TryLater)),
            (closed("NOPERM"), Encoded::Close(CloseCode::Policy)),
            (FeedEvent::Stale(true), Encoded::Nothing),
            (FeedEvent::Stale(false), Encoded::Nothing),
        ] {
            let mut out = Vec::new();
            assert_eq!(encode_event(&event, &mut out), expected);
            assert_eq!(out, b"");
        }
    }
}
