//! One entrance to the encoders: a format, what to say, and the bytes for the socket, frames included. What is to be compressed
//! is encoded plain here; [`ws::Deflater`] then does it, once for all who hear it.

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
        Format::Native | Format::NativeDeflated => frame(out, |out| native::encode_response(response, out)),
        Format::Raw | Format::RawDeflated => raw::encode_response(response, out),
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
        Format::Native | Format::NativeDeflated => frame(out, |out| native::encode_event(feed, event, out)),
        Format::Raw | Format::RawDeflated => raw::encode_event(event, out),
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Error, Value};

    const FORMATS: [Format; 4] = [Format::Native, Format::Raw, Format::Sse, Format::Http];

    #[test]
    fn each_format_frames_what_it_can_say() {
        let event = FeedEvent::Message("m".into());
        let events = FORMATS.map(|format| {
            let mut out = b"before".to_vec();
            let encoded = encode_event(format, FeedId(18), &event, &mut out);
            (encoded, String::from_utf8_lossy(&out[6..]).into_owned())
        });
        let native = "\u{fffd}\u{19}{\"feed\":18,\"message\":\"m\"}".to_owned();
        assert_eq!(events[0], (Encoded::Frame, native));
        assert_eq!(events[1], (Encoded::Frame, "\u{fffd}\u{1}m".to_owned()));
        assert_eq!(events[2], (Encoded::Frame, "event: message\ndata: \"m\"\n\n".to_owned()));
        assert_eq!(events[3], (Encoded::Nothing, String::new()));
    }

    #[test]
    fn each_format_answers() {
        let error = Response::Error { id: Some(1), error: Error::new("ERR", "no") };
        let result = Response::Result { id: 1, value: Value::Int(1) };
        let answer = |response: &Response| {
            FORMATS.map(|format| {
                let mut out = Vec::new();
                let encoded = encode_response(format, response, &mut out);
                assert_eq!(encoded == Encoded::Nothing, out.is_empty());
                String::from_utf8_lossy(&out).into_owned()
            })
        };
        let [native, raw, sse, http] = answer(&error);
        assert!(native.ends_with(r#"{"id":1,"error":{"code":"ERR","message":"no"}}"#));
        assert!(raw.ends_with("(error) ERR no"));
        assert!(sse.starts_with("event: closed\n"));
        assert_eq!(http, r#"{"error":{"code":"ERR","message":"no"}}"#);
        let [native, raw, sse, http] = answer(&result);
        assert!(native.ends_with(r#"{"id":1,"result":1}"#));
        assert!(raw.ends_with('1'));
        assert_eq!((&*sse, &*http), ("", r#"{"result":1}"#));
    }
}
