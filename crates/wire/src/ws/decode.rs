//! Reading frames: bytes of a socket in, messages out.
//!
//! A [`Decoder`] belongs to one connection and is 16 bytes; the bytes it reads lie in a buffer of the thread that reads
//! all sockets. A message that lies whole in that buffer is unmasked where it is and given as a slice of it: nothing is
//! copied or allocated. Only what is incomplete when the input ends is kept, in [`Partial`], and freed once it was given:
//!
//! ```text
//!  input ──► whole frame ──────────────────────────► Message (slice of the input)
//!        └─► the rest ──► Partial { head │ frame, message or control } ──► Message (slice of Partial)
//! ```
//!
//! A payload grows by the pieces that arrive, each unmasked and validated once, and never by what a head promises.

use super::deflate::{Inflater, compressed_bytes_max};
use super::header::{HEAD_BYTES_MAX, Head, Opcode};
use super::mask;
use super::utf8::Text;
use model::CloseCode;
use std::fmt;

/// Which end of the connection decodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads a client's frames: they must be masked.
    Server,
    /// Reads a server's frames: they must not be.
    Client,
}

/// A whole message, or a control frame between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
    /// To be answered by a pong with the same payload, at most 125 bytes.
    Ping(&'a [u8]),
    /// The answer to a ping, or unasked.
    Pong(&'a [u8]),
    /// The peer ends the connection; nothing comes after it.
    Close {
        /// Why; valid to be sent back.
        code: Option<u16>,
        /// The same for people.
        reason: &'a str,
    },
}

/// The peer broke the protocol: the connection is to be closed with [`Error::close_code`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// A frame that RFC 6455 does not allow, in a few words.
    Protocol(&'static str),
    /// Text, or the reason of a close frame, that is not UTF-8.
    NotUtf8,
    /// A message over `message_bytes_max`.
    TooBig,
    /// A compressed message that cannot be decompressed.
    NotDeflate,
}

impl Error {
    /// The code of the close frame.
    pub fn close_code(self) -> CloseCode {
        match self {
            Error::Protocol(_) => CloseCode::Protocol,
            Error::NotUtf8 | Error::NotDeflate => CloseCode::InvalidPayload,
            Error::TooBig => CloseCode::TooBig,
        }
    }
}

impl fmt::Display for Error {
    /// A reason for the close frame, under 124 bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Protocol(what) => f.write_str(what),
            _ => f.write_str(self.close_code().reason()),
        }
    }
}

impl std::error::Error for Error {}

/// The reading half of one WebSocket connection, after its handshake.
#[derive(Debug)]
pub struct Decoder {
    /// Which frames are expected.
    role: Role,
    /// After an error or a close frame: whatever comes is dropped.
    ended: bool,
    /// What is incomplete, or was given by the last call and is not freed yet.
    partial: Option<Box<Partial>>,
}

/// What a connection holds while something is incomplete.
#[derive(Default, Debug)]
struct Partial {
    /// The first `head_len` bytes of a head.
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    /// The frame whose payload is incomplete, and how much of it has come.
    frame: Option<(Head, u64)>,
    /// The data message whose last frame has not come, or is coming.
    message: Option<Gathered>,
    /// The payload of an incomplete control frame.
    control: Vec<u8>,
    /// What the last call gave out of here.
    given: Option<Given>,
}

#[derive(Debug)]
enum Gathered {
    Text(Text),
    Binary(Vec<u8>),
    /// Of a message that is compressed: what it is, and its payload.
    Deflated(Opcode, Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Message,
    Control(Opcode),
}

/// A message that is ready: in the input, or in [`Partial`].
enum Ready<'i> {
    Input(Message<'i>),
    /// To be decompressed first.
    Deflated(Opcode, &'i [u8]),
    Partial(Given),
}

impl Decoder {
    /// A decoder for a connection that has just been upgraded.
    pub fn new(role: Role) -> Decoder {
        Decoder { role, ended: false, partial: None }
    }

    /// The next message of `input`, which then begins behind it; `None` when all of it is used up. To be called until
    /// then: only then nothing is held that need not be.
    ///
    /// A message may have `message_bytes_max` bytes, all fragments together; one with more is refused when a head
    /// promises them. After an error or a close frame nothing more is given: the input is dropped.
    ///
    /// ```
    /// # use wire::ws::{self, Decoder, Message, Opcode, Role};
    /// # let mut scratch = Vec::new();
    /// # ws::client_frame(Opcode::Text, b"hi", [1, 2, 3, 4], &mut scratch);
    /// # let mut decoder = Decoder::new(Role::Server);
    /// let mut input = &mut scratch[..];
    /// while let Some(message) = decoder.decode(&mut input, 1 << 20)? {
    ///     assert_eq!(message, Message::Text("hi"));
    /// }
    /// # Ok::<(), ws::Error>(())
    /// ```
    pub fn decode<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i mut [u8],
        message_bytes_max: usize,
    ) -> Result<Option<Message<'d>>, Error> {
        self.decode_inflating(input, message_bytes_max, None)
    }

    /// The same for a connection that agreed to `permessage-deflate`: with an inflater, messages may come compressed. How many
    /// bytes one may have counts decompressed, and no more than these are ever made of it.
    pub fn decode_inflating<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i mut [u8],
        message_bytes_max: usize,
        inflater: Option<&'d mut Inflater>,
    ) -> Result<Option<Message<'d>>, Error> {
        self.free_given();
        if self.ended {
            self.end();
            *input = &mut [];
            return Ok(None);
        }
        let inflated = match self.advance(input, message_bytes_max, inflater.is_some()) {
            Ok(Some(Ready::Input(message))) => {
                self.ended = matches!(message, Message::Close { .. });
                return Ok(Some(message));
            }
            Ok(Some(Ready::Partial(given))) => match self.deflated(given) {
                None => return self.give(given).map(Some),
                Some((opcode, payload)) => inflate(opcode, &payload, message_bytes_max, inflater),
            },
            Ok(Some(Ready::Deflated(opcode, payload))) => inflate(opcode, payload, message_bytes_max, inflater),
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        };
        if inflated.is_err() {
            self.end();
            *input = &mut [];
        }
        inflated.map(Some)
    }

    /// Whether a frame has begun and not ended: what a timeout for half a frame watches.
    pub fn is_mid_frame(&self) -> bool {
        self.partial.as_ref().is_some_and(|p| p.head_len > 0 || p.frame.is_some())
    }

    /// Whether a message has begun and not ended, though nothing of it may have come but empty fragments.
    pub fn is_mid_message(&self) -> bool {
        self.is_mid_frame() || self.partial.as_ref().is_some_and(|p| p.message.is_some() || !p.control.is_empty())
    }

    /// Bytes of payload that are held until the rest of their message comes.
    pub fn held_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |p| p.message.as_ref().map_or(0, Gathered::len) + p.control.len())
    }

    fn end(&mut self) {
        self.ended = true;
        self.partial = None;
    }

    /// Frees what the last call gave.
    fn free_given(&mut self) {
        let Some(partial) = &mut self.partial else { return };
        match partial.given.take() {
            Some(Given::Message) => partial.message = None,
            Some(Given::Control(_)) => partial.control = Vec::new(),
            None => {}
        }
        if partial.is_empty() {
            self.partial = None;
        }
    }

    /// Goes on until a message is ready or the input is used up.
    fn advance<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        max: usize,
        deflates: bool,
    ) -> Result<Option<Ready<'i>>, Error> {
        loop {
            if self.partial.as_ref().is_none_or(|p| p.frame.is_none()) {
                let Some(head) = self.head(input, deflates)? else { return Ok(None) };
                self.admit(&head, max)?;
                if let Some(payload) = take_whole(&head, input) {
                    if head.compressed {
                        return Ok(Some(Ready::Deflated(head.opcode, payload)));
                    }
                    return in_place(&head, payload).map(|m| Some(Ready::Input(m)));
                }
                self.partial.get_or_insert_default().frame = Some((head, 0));
            }
            let partial = self.partial.as_mut().expect("a frame has begun");
            if let Some(given) = partial.take_payload(input)? {
                return Ok(Some(Ready::Partial(given)));
            }
            if input.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The next head, taken from the input; `None` if the input ends within it: then its bytes are kept.
    fn head(&mut self, input: &mut &mut [u8], deflates: bool) -> Result<Option<Head>, Error> {
        let kept = self.partial.as_ref().map_or(0, |p| usize::from(p.head_len));
        if kept == 0 {
            if let Some((head, used)) = Head::parse(input, self.role, deflates)? {
                split_front(input, used);
                return Ok(Some(head));
            }
            if input.is_empty() {
                return Ok(None);
            }
        }
        let partial = self.partial.get_or_insert_default();
        let more = input.len().min(HEAD_BYTES_MAX - kept);
        partial.head[kept..kept + more].copy_from_slice(&input[..more]);
        let parsed = Head::parse(&partial.head[..kept + more], self.role, deflates)?;
        let used = parsed.map_or(more, |(_, used)| used - kept);
        partial.head_len = if parsed.is_some() { 0 } else { (kept + more) as u8 };
        split_front(input, used);
        Ok(parsed.map(|(head, _)| head))
    }

    /// Whether this frame may come now, and may be so long.
    fn admit(&self, head: &Head, max: usize) -> Result<(), Error> {
        let message = self.partial.as_ref().and_then(|p| p.message.as_ref());
        let held = match (head.opcode, message) {
            // 5.5: "Control frames […] MAY be injected in the middle of a fragmented message."
            (opcode, _) if opcode.is_control() => return Ok(()),
            (Opcode::Continuation, None) => return Err(Error::Protocol("continuation of nothing")),
            (Opcode::Continuation, Some(message)) => message.len(),
            // 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message
            // unless an extension has been negotiated that can interpret the interleaving."
            (_, Some(_)) => return Err(Error::Protocol("new message within a fragmented one")),
            (_, None) => 0,
        };
        // How long a compressed one is, is known when it is decompressed.
        let compressed = head.compressed || matches!(message, Some(Gathered::Deflated(..)));
        let max = if compressed { compressed_bytes_max(max) } else { max };
        if head.len > max.saturating_sub(held) as u64 { Err(Error::TooBig) } else { Ok(()) }
    }

    /// The payload that is complete in `partial`, if it is a compressed message's.
    fn deflated(&mut self, given: Given) -> Option<(Opcode, Vec<u8>)> {
        let partial = self.partial.as_mut().filter(|_| matches!(given, Given::Message))?;
        let Some(Gathered::Deflated(opcode, payload)) = &mut partial.message else { return None };
        let deflated = (*opcode, std::mem::take(payload));
        partial.given = Some(given);
        self.free_given();
        Some(deflated)
    }

    /// The message that is complete in `partial`.
    fn give(&mut self, given: Given) -> Result<Message<'_>, Error> {
        let ended = &mut self.ended;
        let partial = self.partial.as_mut().expect("what is given is there");
        partial.given = Some(given);
        Ok(match given {
            Given::Message => match partial.message.as_ref().expect("what is given is there") {
                Gathered::Text(text) => Message::Text(text.as_str()),
                Gathered::Binary(bytes) => Message::Binary(bytes),
                Gathered::Deflated(..) => unreachable!("it is decompressed, not given"),
            },
            Given::Control(opcode) => {
                let message = control(opcode, &partial.control);
                *ended = !matches!(message, Ok(Message::Ping(_) | Message::Pong(_)));
                return message;
            }
        })
    }
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.head_len == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Takes what the input has of the frame's payload; tells what that completes.
    fn take_payload(&mut self, input: &mut &mut [u8]) -> Result<Option<Given>, Error> {
        let (head, come) = self.frame.expect("a frame has begun");
        let missing = head.len - come;
        let now = usize::try_from(missing).unwrap_or(usize::MAX).min(input.len());
        let bytes = split_front(input, now);
        mask::apply(bytes, head.mask, come);
        self.keep(&head, bytes, missing as usize)?;
        if (now as u64) < missing {
            self.frame = Some((head, come + now as u64));
            return Ok(None);
        }
        self.frame = None;
        if head.opcode.is_control() {
            return Ok(Some(Given::Control(head.opcode)));
        }
        if !head.fin {
            return Ok(None);
        }
        if let Some(Gathered::Text(text)) = &self.message {
            text.check_complete()?;
        }
        Ok(Some(Given::Message))
    }

    fn keep(&mut self, head: &Head, bytes: &[u8], expected: usize) -> Result<(), Error> {
        if head.opcode.is_control() {
            self.control.extend_from_slice(bytes);
            return Ok(());
        }
        let message = self.message.get_or_insert_with(|| match head.opcode {
            opcode if head.compressed => Gathered::Deflated(opcode, Vec::new()),
            Opcode::Text => Gathered::Text(Text::default()),
            _ => Gathered::Binary(Vec::new()),
        });
        match message {
            Gathered::Text(text) => text.push(bytes, expected),
            Gathered::Binary(buffer) | Gathered::Deflated(_, buffer) => {
                buffer.reserve_exact(room(buffer.capacity(), buffer.len(), bytes.len(), expected));
                buffer.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Gathered::Text(text) => text.len(),
            Gathered::Binary(bytes) | Gathered::Deflated(_, bytes) => bytes.len(),
        }
    }
}

/// How much to reserve for `now` more bytes of `expected`: at least these, at best all, but at most as much again as is
/// there, so that memory follows what was sent and not what was promised, and copying stays linear.
pub(super) fn room(capacity: usize, len: usize, now: usize, expected: usize) -> usize {
    let spare = capacity - len;
    if spare >= now { 0 } else { expected.min(len.max(now)).max(now) }
}

/// The frame's payload, taken from the input and unmasked, if it can be given without being gathered.
fn take_whole<'i>(head: &Head, input: &mut &'i mut [u8]) -> Option<&'i mut [u8]> {
    let alone = head.opcode.is_control() || (head.fin && head.opcode != Opcode::Continuation);
    if !alone || head.len > input.len() as u64 {
        return None;
    }
    let payload = split_front(input, head.len as usize);
    mask::apply(payload, head.mask, 0);
    Some(payload)
}

/// The message that `payload` is when decompressed.
fn inflate<'d>(
    opcode: Opcode,
    payload: &[u8],
    max: usize,
    inflater: Option<&'d mut Inflater>,
) -> Result<Message<'d>, Error> {
    let message = inflater.expect("only with one a head is allowed to say so").inflate(payload, max)?;
    match opcode {
        Opcode::Text => simdutf8::basic::from_utf8(message).map(Message::Text).map_err(|_| Error::NotUtf8),
        _ => Ok(Message::Binary(message)),
    }
}

fn in_place<'i>(head: &Head, payload: &'i [u8]) -> Result<Message<'i>, Error> {
    match head.opcode {
        Opcode::Text => simdutf8::basic::from_utf8(payload).map(Message::Text).map_err(|_| Error::NotUtf8),
        Opcode::Binary => Ok(Message::Binary(payload)),
        opcode => control(opcode, payload),
    }
}

fn control(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, Error> {
    match opcode {
        Opcode::Ping => Ok(Message::Ping(payload)),
        Opcode::Pong => Ok(Message::Pong(payload)),
        _ => close(payload),
    }
}

/// 5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer (in network byte order)
/// representing a status code […]. Following the 2-byte integer, the body MAY contain UTF-8-encoded data".
fn close(payload: &[u8]) -> Result<Message<'_>, Error> {
    match payload {
        [] => Ok(Message::Close { code: None, reason: "" }),
        [_] => Err(Error::Protocol("close frame with one byte")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Error::Protocol("close code that may not be sent"));
            }
            let reason = std::str::from_utf8(reason).map_err(|_| Error::NotUtf8)?;
            Ok(Message::Close { code: Some(code), reason })
        }
    }
}

/// 7.4.1 and the IANA registry: 1004 is reserved, 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close
/// control frame by an endpoint"; 7.4.2: 3000 to 4999 are for libraries and applications.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn split_front<'i>(input: &mut &'i mut [u8], n: usize) -> &'i mut [u8] {
    let (front, rest) = std::mem::take(input).split_at_mut(n);
    *input = rest;
    front
}

#[cfg(test)]
mod tests;
