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

/// Whether this is the event after which a feed has no more.
pub fn is_end(event: &[u8]) -> bool {
    event.starts_with(b"event: closed\n")
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
        // Said, so that the response's head goes out now and the client knows that it hears.
        Opening::Channel => out.extend_from_slice(b": open\n\n"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::feed::Tag;
    use model::request::Via;
    use model::{Entry, EntryId, FeedId};
    use std::rc::Rc;

    const TAG: Tag = Tag(*b"AbCdEfGh01234-_x");

    fn event(event: FeedEvent) -> String {
        let mut out = Vec::new();
        assert_eq!(encode_event(&event, &mut out), Encoded::Frame);
        String::from_utf8(out).unwrap()
    }

    fn opened(state: Opening, stale: bool) -> String {
        let mut out = Vec::new();
        let encoded = encode_response(&Response::Opened { id: 0, feed: FeedId(1), state, stale }, &mut out);
        assert_eq!(encoded == Encoded::Frame, !out.is_empty());
        String::from_utf8(out).unwrap()
    }

    fn value() -> Rc<Value> {
        Rc::new(Value::Str("a\nb".into()))
    }

    #[test]
    fn the_table_of_events() {
        let ops = Rc::new(vec![PatchOp::Remove { path: "/a".into() }]);
        let entry = |ms| Entry { id: EntryId::new(ms, 0), fields: vec![("f".into(), "v".into())] };
        let gap = FeedEvent::Gap { after: EntryId::new(1, 0), first: None };
        let pattern = FeedEvent::PatternMessage { channel: "c".into(), message: "m".into() };
        for (fed, expected) in [
            (
                FeedEvent::Value { rev: 1, tag: TAG, value: value() },
                "event: value\nid: AbCdEfGh01234-_x\ndata: \"a\\nb\"\n\n",
            ),
            (
                FeedEvent::Patch { rev: 2, tag: TAG, ops, value: value() },
                "event: patch\nid: AbCdEfGh01234-_x\ndata: [{\"op\":\"remove\",\"path\":\"/a\"}]\n\n",
            ),
            (
                FeedEvent::Error { rev: 3, error: Error::new("WRONGTYPE", "x") },
                "event: failed\ndata: {\"code\":\"WRONGTYPE\",\"message\":\"x\"}\n\n",
            ),
            (FeedEvent::Message("l1\r\nl2".into()), "event: message\ndata: \"l1\\r\\nl2\"\n\n"),
            (pattern, "event: message\ndata: {\"channel\":\"c\",\"message\":\"m\"}\n\n"),
            (
                FeedEvent::Entries(vec![entry(5), entry(6)]),
                "event: entries\nid: 6-0\ndata: [[\"5-0\",{\"f\":\"v\"}],[\"6-0\",{\"f\":\"v\"}]]\n\n",
            ),
            (gap, "event: gap\ndata: {\"after\":\"1-0\",\"first\":null}\n\n"),
            (FeedEvent::Missed(Some(3)), "event: missed\ndata: 3\n\n"),
            (FeedEvent::Missed(None), "event: missed\ndata: null\n\n"),
            (FeedEvent::Stale(false), "event: stale\ndata: false\n\n"),
            (
                FeedEvent::Closed(Error::new("NOPERM", "no")),
                "event: closed\ndata: {\"code\":\"NOPERM\",\"message\":\"no\"}\n\n",
            ),
        ] {
            assert_eq!(event(fed), expected);
        }
    }

    #[test]
    fn openings() {
        let query = |content| Opening::Query { rev: 1, via: Via::Tracking, content };
        let shown = "event: value\nid: AbCdEfGh01234-_x\ndata: \"a\\nb\"\n\n";
        assert_eq!(opened(query(Content::Value(TAG, value())), false), shown);
        let stale = format!("{shown}event: stale\ndata: true\n\n");
        assert_eq!(opened(query(Content::Value(TAG, value())), true), stale);
        assert_eq!(opened(query(Content::Same(TAG)), false), ": same\nid: AbCdEfGh01234-_x\n\n");
        let failed = opened(query(Content::Error(Error::new("WRONGTYPE", "x"))), false);
        assert_eq!(failed, "event: failed\ndata: {\"code\":\"WRONGTYPE\",\"message\":\"x\"}\n\n");
        assert_eq!(opened(Opening::Stream { from: EntryId::new(7, 1) }, false), "id: 7-1\n\n");
        assert_eq!(opened(Opening::Channel, false), ": open\n\n");
        assert_eq!(opened(Opening::Channel, true), ": open\n\nevent: stale\ndata: true\n\n");
    }

    #[test]
    fn a_refused_opening_is_a_closed_feed_and_replies_are_nothing() {
        let mut out = Vec::new();
        let refused = Response::Error { id: Some(0), error: Error::new("NOTLIVE", "x") };
        assert_eq!(encode_response(&refused, &mut out), Encoded::Frame);
        assert_eq!(out, b"event: closed\ndata: {\"code\":\"NOTLIVE\",\"message\":\"x\"}\n\n");
        out.clear();
        assert_eq!(encode_response(&Response::Result { id: 0, value: Value::Null }, &mut out), Encoded::Nothing);
        assert_eq!(encode_event(&FeedEvent::Entries(vec![]), &mut out), Encoded::Nothing);
        assert_eq!(out, b"");
        ping(&mut out);
        assert_eq!(out, b": ping\n\n");
    }
}
