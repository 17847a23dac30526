//! What a client's side reads: WebSocket frames (RFC 6455) and server-sent events, by code that shares nothing with
//! the server's encoders.

use flate2::{Decompress, FlushDecompress, Status};
use std::collections::VecDeque;

/// One thing a server sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Received {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
    /// A ping, to be answered with the same payload.
    Ping(Vec<u8>),
    /// The end, with its code.
    Close(u16),
    /// A server-sent event.
    Event {
        /// Its name; `message` if none was given.
        name: String,
        /// What `id:` set, if it was there.
        id: Option<String>,
        /// Its data; `None` where there was none, so that a browser dispatches nothing.
        data: Option<String>,
    },
}

/// Gathers bytes until something is whole.
#[derive(Debug)]
pub struct Reader {
    bytes: VecDeque<u8>,
    is_event_stream: bool,
    /// Messages may come compressed.
    deflates: bool,
}

impl Reader {
    /// A reader of WebSocket frames, of which messages may be compressed if that was agreed to.
    pub fn web_socket(deflates: bool) -> Reader {
        Reader { bytes: VecDeque::new(), is_event_stream: false, deflates }
    }

    /// A reader of `text/event-stream`.
    pub fn event_stream() -> Reader {
        Reader { bytes: VecDeque::new(), is_event_stream: true, deflates: false }
    }

    /// Bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// The next whole thing; an error where the server breaks the format.
    pub fn take(&mut self) -> Result<Option<Received>, String> {
        if self.is_event_stream { self.next_event() } else { self.next_frame() }
    }

    fn next_frame(&mut self) -> Result<Option<Received>, String> {
        let bytes = self.bytes.make_contiguous();
        let [first, second, rest @ ..] = &*bytes else { return Ok(None) };
        let (first, second) = (*first, *second);
        let is_deflated = self.deflates && matches!(first, 0xc1 | 0xc2);
        if first & 0xf0 != 0x80 && !is_deflated {
            return Err(format!("first byte {first:#04x}: fragmented, or with reserved bits"));
        }
        if second & 0x80 != 0 {
            return Err("a masked frame from a server".into());
        }
        let (len, head) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize, 10),
            (126 | 127, _) => return Ok(None),
            (len, _) => (usize::from(len), 2),
        };
        if (head == 4 && len < 126) || (head == 10 && len < 1 << 16) {
            return Err(format!("length {len} is not written in the shortest way"));
        }
        if bytes.len() < head + len {
            return Ok(None);
        }
        let opcode = first & 0x0f;
        let payload: Vec<u8> = self.bytes.drain(..head + len).skip(head).collect();
        let payload = if is_deflated { inflated(&payload)? } else { payload };
        let text =
            |payload: Vec<u8>| String::from_utf8(payload).map_err(|_| "a text frame that is not UTF-8".to_owned());
        Ok(Some(match opcode {
            1 => Received::Text(text(payload)?),
            2 => Received::Binary(payload),
            8 => Received::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
            9 if payload.len() <= 125 => Received::Ping(payload),
            _ => return Err(format!("opcode {opcode} with {} bytes", payload.len())),
        }))
    }

    fn next_event(&mut self) -> Result<Option<Received>, String> {
        let bytes = self.bytes.make_contiguous();
        let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") else { return Ok(None) };
        let block: Vec<u8> = self.bytes.drain(..end + 2).collect();
        let block = String::from_utf8(block).map_err(|_| "an event that is not UTF-8".to_owned())?;
        let (mut name, mut id, mut data) = ("message".to_owned(), None, None::<String>);
        for line in block.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => {}
                "event" => name = value.to_owned(),
                "id" => id = Some(value.to_owned()),
                "data" => data = Some(data.map_or_else(|| value.to_owned(), |before| before + "\n" + value)),
                _ => return Err(format!("unknown field {field:?} in an event stream")),
            }
        }
        Ok(Some(Received::Event { name, id, data }))
    }
}

/// A compressed message (RFC 7692), which refers to none before it.
fn inflated(payload: &[u8]) -> Result<Vec<u8>, String> {
    let mut message = Vec::with_capacity(1 << 20);
    let input = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut state = Decompress::new(false);
    let result = state.decompress_vec(&input, &mut message, FlushDecompress::Sync);
    match result {
        Ok(Status::Ok) if state.total_in() == input.len() as u64 => Ok(message),
        other => Err(format!("a compressed frame of {} bytes: {other:?}", payload.len())),
    }
}

/// A client's text frame, masked with a fixed key.
pub fn text_frame(text: &str, out: &mut Vec<u8>) {
    masked(1, text.as_bytes(), out);
}

/// The answer to a ping.
pub fn pong_frame(payload: &[u8], out: &mut Vec<u8>) {
    masked(10, payload, out);
}

/// A client's close frame.
pub fn close_frame(out: &mut Vec<u8>) {
    masked(8, &1000u16.to_be_bytes(), out);
}

fn masked(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    out.push(0x80 | opcode);
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(KEY);
    out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455, 5.7: "A single-frame unmasked text message", "Unmasked Ping request"; and 256 bytes binary.
    #[test]
    fn frames_of_the_rfc_are_read() {
        let mut reader = Reader::web_socket(false);
        reader.push(&[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c]);
        assert_eq!(reader.take(), Ok(Some(Received::Text("Hello".into()))));
        assert_eq!(reader.take(), Ok(None));
        reader.push(&[0x6f, 0x82, 0x7e, 0x01, 0x00]);
        assert_eq!(reader.take(), Ok(Some(Received::Ping(b"Hello".to_vec()))));
        reader.push(&[7; 256]);
        assert_eq!(reader.take(), Ok(Some(Received::Binary(vec![7; 256]))));
    }

    /// "A single-frame masked text message (contains "Hello")"
    #[test]
    fn frames_of_the_rfc_are_written() {
        let mut out = Vec::new();
        text_frame("Hello", &mut out);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        for bad in [&[0x01, 0x00][..], &[0x81, 0x80], &[0xc1, 0x00], &[0x81, 0x7e, 0, 5], &[0x83, 0x00]] {
            let mut reader = Reader::web_socket(false);
            reader.push(bad);
            assert!(reader.take().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn events_are_read() {
        let mut reader = Reader::event_stream();
        reader.push(b"event: value\nid: t\ndata: 1\n\nid: 7-0\n\n: ping\n\nevent: x");
        let event = |name: &str, id: Option<&str>, data: Option<&str>| {
            Ok(Some(Received::Event { name: name.into(), id: id.map(Into::into), data: data.map(Into::into) }))
        };
        assert_eq!(reader.take(), event("value", Some("t"), Some("1")));
        assert_eq!(reader.take(), event("message", Some("7-0"), None));
        assert_eq!(reader.take(), event("message", None, None));
        assert_eq!(reader.take(), Ok(None));
    }
}
