//! Writing responses and feed frames: the protocol's tables, member by member.
//!
//! The texts are put together from their pieces rather than from a tree: a message of a channel is the hot one, and
//! costs one check for UTF-8 and one copy.

use crate::json::{self, uint};
use model::request::{Content, Hello, Opening};
use model::{FeedEvent, FeedId, Response};

/// Appends the response as JSON.
pub fn encode_response(response: &Response, out: &mut Vec<u8>) {
    match response {
        Response::Hello(h) => hello(h, out),
        Response::Result { id, value } => {
            number("{\"id\":", *id, out);
            out.extend_from_slice(b",\"result\":");
            json::write(value, out);
        }
        Response::Pong { id, json } => {
            number("{\"id\":", *id, out);
            out.extend_from_slice(b",\"result\":");
            out.extend_from_slice(json.as_bytes());
        }
        Response::Opened { id, feed, state, stale } => {
            number("{\"id\":", *id, out);
            number(",\"feed\":", feed.0, out);
            opening(state, out);
            if *stale {
                out.extend_from_slice(b",\"stale\":true");
            }
        }
        Response::Error { id, error } => {
            match id {
                Some(id) => {
                    number("{\"id\":", *id, out);
                    out.extend_from_slice(b",\"error\":");
                }
                None => out.extend_from_slice(b"{\"error\":"),
            }
            json::error(error, out);
        }
    }
    out.push(b'}');
}

/// Appends the feed's frame as JSON: the same bytes for every subscriber.
pub fn encode_event(feed: FeedId, event: &FeedEvent, out: &mut Vec<u8>) {
    number("{\"feed\":", feed.0, out);
    match event {
        FeedEvent::Value { rev, tag, value } => {
            number(",\"rev\":", *rev, out);
            text(",\"tag\":", tag.as_str(), out);
            out.extend_from_slice(b",\"value\":");
            json::write(value, out);
        }
        FeedEvent::Patch { rev, tag, ops, value: _ } => {
            number(",\"rev\":", *rev, out);
            text(",\"tag\":", tag.as_str(), out);
            out.extend_from_slice(b",\"patch\":");
            json::patch(ops, out);
        }
        FeedEvent::Error { rev, error } => {
            number(",\"rev\":", *rev, out);
            out.extend_from_slice(b",\"error\":");
            json::error(error, out);
        }
        FeedEvent::Message(message) => {
            out.extend_from_slice(b",\"message\":");
            json::bytes(message, out);
        }
        FeedEvent::PatternMessage { channel, message } => {
            out.extend_from_slice(b",\"channel\":");
            json::bytes(channel, out);
            out.extend_from_slice(b",\"message\":");
            json::bytes(message, out);
        }
        FeedEvent::Entries(entries) => {
            out.extend_from_slice(b",\"entries\":");
            json::entries(entries, out);
        }
        FeedEvent::Gap { after, first } => {
            out.extend_from_slice(b",\"gap\":");
            json::gap(*after, *first, out);
        }
        FeedEvent::Missed(count) => {
            out.extend_from_slice(b",\"missed\":");
            json::uint_or_null(*count, out);
        }
        FeedEvent::Stale(true) => out.extend_from_slice(b",\"stale\":true"),
        FeedEvent::Stale(false) => out.extend_from_slice(b",\"stale\":false"),
        FeedEvent::Closed(error) => {
            out.extend_from_slice(b",\"closed\":");
            json::error(error, out);
        }
    }
    out.push(b'}');
}

fn opening(state: &Opening, out: &mut Vec<u8>) {
    match state {
        Opening::Channel => {}
        Opening::Stream { from } => text(",\"from\":", &from.to_string(), out),
        Opening::Query { rev, via, content } => {
            number(",\"rev\":", *rev, out);
            if let Content::Same(tag) | Content::Value(tag, _) = content {
                text(",\"tag\":", tag.as_str(), out);
            }
            text(",\"via\":", via.as_str(), out);
            match content {
                Content::Same(_) => out.extend_from_slice(b",\"same\":true"),
                Content::Value(_, value) => {
                    out.extend_from_slice(b",\"value\":");
                    json::write(value, out);
                }
                Content::Error(error) => {
                    out.extend_from_slice(b",\"error\":");
                    json::error(error, out);
                }
            }
        }
    }
}

/// Appends all of `{"hello":{…}` but the last brace.
fn hello(hello: &Hello, out: &mut Vec<u8>) {
    text("{\"hello\":{\"version\":", hello.version, out);
    text(",\"node\":", &hello.node, out);
    match &hello.user {
        Some(user) => text(",\"user\":", user, out),
        None => out.extend_from_slice(b",\"user\":null"),
    }
    out.extend_from_slice(b",\"expires\":");
    json::uint_or_null(hello.expires, out);
    number(",\"ping_interval_ms\":", hello.ping_interval_ms, out);
    let [least, most] = hello.reconnect_ms;
    number(",\"reconnect_ms\":[", least, out);
    number(",", most, out);
    number("],\"limits\":{\"message_bytes_max\":", hello.message_bytes_max as u64, out);
    number(",\"feeds_max\":", hello.feeds_max as u64, out);
    number(",\"requests_per_second_max\":", hello.requests_per_second_max.into(), out);
    out.extend_from_slice(b"}}");
}

fn number(before: &str, n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    uint(n, out);
}

fn text(before: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    json::string(text.as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::feed::Tag;
    use model::request::Via;
    use model::{Entry, EntryId, Error, PatchOp, Value};
    use std::rc::Rc;

    const TAG: Tag = Tag(*b"AbCdEfGh01234-_x");

    fn response(response: Response) -> String {
        let mut out = Vec::new();
        encode_response(&response, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn event(feed: u64, event: FeedEvent) -> String {
        let mut out = Vec::new();
        encode_event(FeedId(feed), &event, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn opened(id: u64, feed: u64, state: Opening, stale: bool) -> String {
        response(Response::Opened { id, feed: FeedId(feed), state, stale })
    }

    fn query(content: Content) -> Opening {
        Opening::Query { rev: 40, via: Via::Tracking, content }
    }

    fn value() -> Rc<Value> {
        Rc::new(Value::Object(vec![("f".into(), Value::Str("v".into()))]))
    }

    #[test]
    fn the_greeting() {
        let hello = Hello {
            version: "0.1.0",
            node: "n1".into(),
            user: None,
            expires: None,
            ping_interval_ms: 25_000,
            reconnect_ms: [500, 5000],
            message_bytes_max: 1 << 20,
            feeds_max: 1000,
            requests_per_second_max: 0,
        };
        let expected = concat!(
            r#"{"hello":{"version":"0.1.0","node":"n1","user":null,"expires":null,"ping_interval_ms":25000,"#,
            r#""reconnect_ms":[500,5000],"limits":{"message_bytes_max":1048576,"feeds_max":1000,"#,
            r#""requests_per_second_max":0}}}"#
        );
        assert_eq!(response(Response::Hello(hello.clone())), expected);
        let known = Hello { user: Some("al\"ice".into()), expires: Some(1700000000), ..hello };
        assert!(response(Response::Hello(known)).contains(r#""user":"al\"ice","expires":1700000000,"#));
    }

    #[test]
    fn the_table_of_replies() {
        assert_eq!(response(Response::Result { id: 1, value: Value::Int(3) }), r#"{"id":1,"result":3}"#);
        let failed = Value::Array(vec![Value::Str("OK".into()), Value::Error("WRONGTYPE no".into())]);
        assert_eq!(
            response(Response::Result { id: 1, value: failed }),
            r#"{"id":1,"result":["OK",{"$error":"WRONGTYPE no"}]}"#
        );
        assert_eq!(response(Response::Pong { id: 8, json: "[1, 2]".into() }), r#"{"id":8,"result":[1, 2]}"#);
        assert_eq!(opened(3, 18, Opening::Channel, false), r#"{"id":3,"feed":18}"#);
        assert_eq!(opened(3, 18, Opening::Channel, true), r#"{"id":3,"feed":18,"stale":true}"#);
        let from = EntryId::new(1700, 0);
        assert_eq!(opened(5, 20, Opening::Stream { from }, false), r#"{"id":5,"feed":20,"from":"1700-0"}"#);
        let error = Error::new("NOPERM", "no");
        assert_eq!(
            response(Response::Error { id: Some(1), error: error.clone() }),
            r#"{"id":1,"error":{"code":"NOPERM","message":"no"}}"#
        );
        assert_eq!(response(Response::Error { id: None, error }), r#"{"error":{"code":"NOPERM","message":"no"}}"#);
    }

    #[test]
    fn a_query_opens_with_its_value_or_same_or_an_error() {
        assert_eq!(
            opened(2, 17, query(Content::Value(TAG, value())), false),
            r#"{"id":2,"feed":17,"rev":40,"tag":"AbCdEfGh01234-_x","via":"tracking","value":{"f":"v"}}"#
        );
        assert_eq!(
            opened(2, 17, query(Content::Same(TAG)), true),
            r#"{"id":2,"feed":17,"rev":40,"tag":"AbCdEfGh01234-_x","via":"tracking","same":true,"stale":true}"#
        );
        assert_eq!(
            opened(2, 17, query(Content::Error(Error::new("WRONGTYPE", "x"))), false),
            r#"{"id":2,"feed":17,"rev":40,"via":"tracking","error":{"code":"WRONGTYPE","message":"x"}}"#
        );
        let polled = Opening::Query { rev: 1, via: Via::Polling, content: Content::Same(TAG) };
        assert!(opened(2, 17, polled, false).contains(r#""via":"polling""#));
    }

    #[test]
    fn the_table_of_feed_frames() {
        let ops = Rc::new(vec![PatchOp::Replace { path: "/f".into(), value: Value::Str("v".into()) }]);
        let entries = vec![Entry { id: EntryId::new(1700, 0), fields: vec![("f".into(), "v".into())] }];
        let gap = |first| FeedEvent::Gap { after: EntryId::new(1699, 0), first };
        let closed = FeedEvent::Closed(Error::new("NOPERM", "rules changed"));
        let wrong = FeedEvent::Error { rev: 50, error: Error::new("WRONGTYPE", "x") };
        let pattern = FeedEvent::PatternMessage { channel: "c".into(), message: "m".into() };
        for (feed, frame, expected) in [
            (
                17,
                FeedEvent::Patch { rev: 41, tag: TAG, ops, value: value() },
                r#"{"feed":17,"rev":41,"tag":"AbCdEfGh01234-_x","patch":[{"op":"replace","path":"/f","value":"v"}]}"#,
            ),
            (
                17,
                FeedEvent::Value { rev: 49, tag: TAG, value: value() },
                r#"{"feed":17,"rev":49,"tag":"AbCdEfGh01234-_x","value":{"f":"v"}}"#,
            ),
            (17, wrong, r#"{"feed":17,"rev":50,"error":{"code":"WRONGTYPE","message":"x"}}"#),
            (18, FeedEvent::Message("a\"b".into()), r#"{"feed":18,"message":"a\"b"}"#),
            (18, FeedEvent::Message(Bytes::from_static(b"\xff")), r#"{"feed":18,"message":{"$base64":"/w=="}}"#),
            (19, pattern, r#"{"feed":19,"channel":"c","message":"m"}"#),
            (20, FeedEvent::Entries(entries), r#"{"feed":20,"entries":[["1700-0",{"f":"v"}]]}"#),
            (20, gap(Some(EntryId::new(1700, 5))), r#"{"feed":20,"gap":{"after":"1699-0","first":"1700-5"}}"#),
            (20, gap(None), r#"{"feed":20,"gap":{"after":"1699-0","first":null}}"#),
            (18, FeedEvent::Missed(Some(12)), r#"{"feed":18,"missed":12}"#),
            (18, FeedEvent::Missed(None), r#"{"feed":18,"missed":null}"#),
            (17, FeedEvent::Stale(true), r#"{"feed":17,"stale":true}"#),
            (17, FeedEvent::Stale(false), r#"{"feed":17,"stale":false}"#),
            (17, closed, r#"{"feed":17,"closed":{"code":"NOPERM","message":"rules changed"}}"#),
        ] {
            assert_eq!(event(feed, frame), expected);
        }
    }
}
