//! What a Redis sends: bytes in, [`Frame`]s out.
//!
//! A frame grows on a stack of open aggregates. A frame over a limit is not refused, since the connection carries more
//! than this one answer: what was decoded of it is dropped but for its head, and the rest is only counted. The stack is then
//! all that is kept, so a reply of any size passes in bounded memory and what follows it is read in order.
//!
//! ```text
//!  Reading::Token ──► an element ─────────────► complete: into the innermost aggregate, which may be complete by it, …
//!        ├─► Reading::Blob: a string's bytes ─┘
//!        └─► Reading::Line: a text over the limit, skipped to its end
//! ```

use super::gather::{Gather, Input};
use super::number;
use super::token::{self, Aggregate, Blob, Line, Token};
use bytes::{Buf, Bytes, BytesMut};
use model::{Frame, Reply};
use std::fmt;

/// Aggregates inside one another in a frame that is skipped: over it, [`ProtocolError::Depth`]. (Redis' scripts nest at
/// most 8,000.)
pub const SKIP_DEPTH_MAX: usize = 10_000;
/// No element is shorter than `_` and CRLF.
const ELEMENT_BYTES_MIN: u64 = 3;
/// Elements that an aggregate is given memory for at once; more as they arrive.
const RESERVE_MAX: u64 = 1024;

/// What one frame may be. Over a limit it comes out as [`Frame::Oversize`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyLimits {
    /// A frame's bytes as sent, type marks and line ends included.
    pub frame_bytes_max: u64,
    /// Elements of all aggregates of a frame; a map's keys and values count each.
    pub elements_max: u64,
    /// Aggregates inside one another.
    pub depth_max: usize,
}

impl Default for ReplyLimits {
    fn default() -> ReplyLimits {
        ReplyLimits { frame_bytes_max: 64 << 20, elements_max: 4 << 20, depth_max: 64 }
    }
}

/// The peer does not speak RESP: the connection is of no use any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// No type begins with this byte.
    Type(u8),
    /// An integer that is none.
    Integer,
    /// A length that is no number, or below zero.
    Length,
    /// A double that is none.
    Double,
    /// Neither `#t` nor `#f`.
    Bool,
    /// A null with something in it.
    Null,
    /// A big number with something but digits.
    BigNumber,
    /// A verbatim string without its format.
    Verbatim,
    /// A carriage return without a line feed.
    LineEnd,
    /// A string longer than announced.
    BlobEnd,
    /// A push inside another frame.
    InnerPush,
    /// Streamed strings and aggregates are in RESP3's text, but no Redis sends them.
    Streamed,
    /// Nested beyond [`SKIP_DEPTH_MAX`].
    Depth,
}

impl fmt::Display for ProtocolError {
    /// A sentence for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProtocolError::Type(byte) => return write!(f, "no RESP type begins with the byte 0x{byte:02x}"),
            ProtocolError::Integer => "an integer is not a 64-bit number",
            ProtocolError::Length => "a length is no number",
            ProtocolError::Double => "a double is no number",
            ProtocolError::Bool => "a boolean is neither #t nor #f",
            ProtocolError::Null => "a null has contents",
            ProtocolError::BigNumber => "a big number has more than digits",
            ProtocolError::Verbatim => "a verbatim string has no format",
            ProtocolError::LineEnd => "a carriage return is not followed by a line feed",
            ProtocolError::BlobEnd => "a string does not end where it was announced to end",
            ProtocolError::InnerPush => "a push inside another reply",
            ProtocolError::Streamed => "streamed strings and aggregates are not supported",
            ProtocolError::Depth => "a reply is nested too deeply",
        })
    }
}

impl std::error::Error for ProtocolError {}

/// The reading half of one connection to a Redis.
#[derive(Debug)]
pub struct ReplyDecoder {
    limits: ReplyLimits,
    /// What the next byte belongs to.
    reading: Reading,
    /// Aggregates whose elements have not all come, outermost first.
    open: Vec<Open>,
    /// Bytes taken of the frame under way.
    frame_bytes: u64,
    /// Elements announced by the aggregates of the frame under way.
    elements: u64,
    /// The frame under way is a push.
    push: bool,
    /// The frame under way is over a limit: its head.
    oversize: Option<Vec<Reply>>,
    /// How far the end of the line under way was looked for.
    scanned: usize,
}

#[derive(Debug)]
enum Reading {
    /// An element begins.
    Token,
    /// A string and CRLF. `None`: it is skipped, and so many bytes of it are to come.
    Blob(Blob, Result<Gather, usize>),
    /// A text that is skipped, up to CRLF.
    Line,
}

/// An aggregate whose elements have not all come.
#[derive(Debug)]
struct Open {
    /// Elements to come, at least one.
    left: u64,
    items: Items,
}

/// What came of an aggregate.
#[derive(Debug)]
enum Items {
    /// Of an array, or of a push.
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    /// With a key whose value is to come.
    Map(Vec<(Reply, Reply)>, Option<Reply>),
    /// Attributes are read and dropped; they are no element of what they stand in.
    Attribute,
    /// The frame is over a limit.
    Skipped,
}

/// What was read from the input.
enum Step {
    /// The input is at its end.
    More,
    /// Something that is no whole element.
    Part,
    /// An element.
    Element(Reply),
}

impl ReplyDecoder {
    /// At the beginning of a connection.
    pub fn new(limits: ReplyLimits) -> ReplyDecoder {
        ReplyDecoder {
            limits,
            reading: Reading::Token,
            open: Vec::new(),
            frame_bytes: 0,
            elements: 0,
            push: false,
            oversize: None,
            scanned: 0,
        }
    }

    /// Takes the next frame from the input; `None`: it has not all come. What is left in the input then is the beginning of a
    /// line, at most `frame_bytes_max` long; what is read next is to be put behind it. After an error the connection
    /// is to be closed.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        let mut reader = Input::new(input);
        let frame = self.read(&mut reader);
        let used = reader.used();
        input.advance(used);
        frame
    }

    /// About how many bytes of memory the frame under way holds, without what is left in the input.
    pub fn held_bytes(&self) -> usize {
        let gathered = match &self.reading {
            Reading::Blob(_, Ok(gather)) => gather.held_bytes(),
            _ => 0,
        };
        let head = self.oversize.iter().flatten().map(Reply::size).sum::<usize>();
        gathered + head + self.open.iter().map(Open::held_bytes).sum::<usize>()
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<Frame>, ProtocolError> {
        loop {
            let before = input.used();
            let step = match &mut self.reading {
                Reading::Token => self.token(input),
                Reading::Blob(..) => self.blob(input),
                Reading::Line => self.skip_line(input),
            }?;
            self.frame_bytes += (input.used() - before) as u64;
            match step {
                Step::More => return Ok(None),
                Step::Part => {}
                Step::Element(reply) => {
                    if let Some(frame) = self.complete(reply) {
                        return Ok(Some(frame));
                    }
                }
            }
        }
    }

    fn token(&mut self, input: &mut Input<'_>) -> Result<Step, ProtocolError> {
        let Some((token, used)) = token::next(input.rest(), &mut self.scanned)? else {
            return Ok(self.line_under_way(input));
        };
        self.scanned = 0;
        input.advance(used);
        let announced = match token {
            Token::Blob(_, length) => (length as u64).saturating_add(2),
            Token::Open(_, count) => count.saturating_mul(ELEMENT_BYTES_MIN),
            _ => 0,
        };
        if announced.saturating_add(used as u64) > self.budget() {
            self.skip();
        }
        match token {
            Token::Blob(kind, length) => self.begin_blob(kind, length, input),
            Token::Open(kind, count) => self.begin_aggregate(kind, count),
            Token::Line(..) if self.oversize.is_some() => Ok(Step::Element(Reply::Null)),
            Token::Line(kind, text) => line(kind, text).map(Step::Element),
            Token::Null => Ok(Step::Element(Reply::Null)),
            Token::Bool(value) => Ok(Step::Element(Reply::Bool(value))),
            Token::Int(value) => Ok(Step::Element(Reply::Int(value))),
            Token::Double(value) => Ok(Step::Element(Reply::Double(value))),
        }
    }

    /// Bytes that the frame under way may still have.
    fn budget(&self) -> u64 {
        self.limits.frame_bytes_max.saturating_sub(self.frame_bytes)
    }

    /// A line whose end has not come waits in the input, unless it is over the limit.
    fn line_under_way(&mut self, input: &mut Input<'_>) -> Step {
        if input.rest().len() as u64 <= self.budget() || !matches!(input.rest()[0], b'+' | b'-' | b'(') {
            return Step::More;
        }
        self.skip();
        self.scanned = 0;
        self.reading = Reading::Line;
        Step::Part
    }

    fn begin_blob(&mut self, kind: Blob, length: usize, input: &mut Input<'_>) -> Result<Step, ProtocolError> {
        if self.oversize.is_some() {
            self.reading = Reading::Blob(kind, Err(length));
            return Ok(Step::Part);
        }
        let rest = input.rest();
        if rest.len() < length.saturating_add(2) {
            self.reading = Reading::Blob(kind, Ok(Gather::new(length)));
            return Ok(Step::Part);
        }
        let (text, after) = rest.split_at(length);
        if !after.starts_with(b"\r\n") {
            return Err(ProtocolError::BlobEnd);
        }
        input.advance(length + 2);
        string(kind, Bytes::copy_from_slice(text)).map(Step::Element)
    }

    fn blob(&mut self, input: &mut Input<'_>) -> Result<Step, ProtocolError> {
        let Reading::Blob(kind, body) = &mut self.reading else { return Ok(Step::Part) };
        let whole = match body {
            Ok(gather) => gather.take(input),
            Err(left) => {
                let skipped = input.rest().len().min(*left);
                input.advance(skipped);
                *left -= skipped;
                *left == 0
            }
        };
        match input.rest() {
            _ if !whole => return Ok(Step::More),
            [b'\r', b'\n', ..] => input.advance(2),
            [] | [b'\r'] => return Ok(Step::More),
            _ => return Err(ProtocolError::BlobEnd),
        }
        let kind = *kind;
        match std::mem::replace(&mut self.reading, Reading::Token) {
            Reading::Blob(_, Ok(gather)) => string(kind, gather.finish()).map(Step::Element),
            _ => Ok(Step::Element(Reply::Null)),
        }
    }

    fn skip_line(&mut self, input: &mut Input<'_>) -> Result<Step, ProtocolError> {
        let rest = input.rest();
        let end = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        input.advance(end);
        match input.rest() {
            [] | [_] => Ok(Step::More),
            [_, b'\n', ..] => {
                input.advance(2);
                self.reading = Reading::Token;
                Ok(Step::Element(Reply::Null))
            }
            _ => Err(ProtocolError::LineEnd),
        }
    }

    fn begin_aggregate(&mut self, kind: Aggregate, count: u64) -> Result<Step, ProtocolError> {
        if kind == Aggregate::Push {
            if !self.open.is_empty() {
                return Err(ProtocolError::InnerPush);
            }
            self.push = true;
        }
        self.elements = self.elements.saturating_add(count);
        if self.elements > self.limits.elements_max || self.open.len() >= self.limits.depth_max {
            self.skip();
        }
        if self.open.len() >= SKIP_DEPTH_MAX {
            return Err(ProtocolError::Depth);
        }
        let items = Items::new(kind, count, self.oversize.is_some());
        if count > 0 {
            self.open.push(Open { left: count, items });
            return Ok(Step::Part);
        }
        Ok(items.finish().map_or(Step::Part, Step::Element))
    }

    /// The frame under way is over a limit: from here on it is only counted.
    fn skip(&mut self) {
        if self.oversize.is_some() {
            return;
        }
        let head = match self.open.first_mut() {
            Some(Open { items: Items::Array(items), .. }) => std::mem::take(items),
            _ => Vec::new(),
        };
        self.oversize = Some(head);
        for open in &mut self.open {
            if !matches!(open.items, Items::Attribute) {
                open.items = Items::Skipped;
            }
        }
    }

    /// Puts an element where it belongs; the frame, if it is whole by it.
    fn complete(&mut self, mut element: Reply) -> Option<Frame> {
        while let Some(open) = self.open.last_mut() {
            open.left -= 1;
            open.items.add(element);
            if open.left > 0 {
                return None;
            }
            element = self.open.pop()?.items.finish()?;
        }
        Some(self.finish(element))
    }

    fn finish(&mut self, reply: Reply) -> Frame {
        let bytes = std::mem::take(&mut self.frame_bytes);
        let push = std::mem::take(&mut self.push);
        self.elements = 0;
        match (self.oversize.take(), reply) {
            (Some(head), _) => {
                self.open = Vec::new();
                Frame::Oversize { push, bytes, head }
            }
            (None, Reply::Array(items)) if push => Frame::Push(items),
            (None, reply) => Frame::Reply(reply),
        }
    }
}

impl Open {
    fn held_bytes(&self) -> usize {
        let items = match &self.items {
            Items::Array(items) | Items::Set(items) => items.iter().map(Reply::size).sum(),
            Items::Map(pairs, _) => pairs.iter().map(|(key, value)| key.size() + value.size()).sum(),
            Items::Attribute | Items::Skipped => 0,
        };
        items + size_of::<Open>()
    }
}

impl Items {
    fn new(kind: Aggregate, count: u64, skipped: bool) -> Items {
        let reserve = count.min(RESERVE_MAX) as usize;
        match kind {
            Aggregate::Attribute => Items::Attribute,
            _ if skipped => Items::Skipped,
            Aggregate::Array | Aggregate::Push => Items::Array(Vec::with_capacity(reserve)),
            Aggregate::Set => Items::Set(Vec::with_capacity(reserve)),
            Aggregate::Map => Items::Map(Vec::with_capacity(reserve / 2), None),
        }
    }

    fn add(&mut self, element: Reply) {
        match self {
            Items::Array(items) | Items::Set(items) => items.push(element),
            Items::Map(pairs, key) => match key.take() {
                None => *key = Some(element),
                Some(key) => pairs.push((key, element)),
            },
            Items::Attribute | Items::Skipped => {}
        }
    }

    /// The element that it is; `None` for what is no element.
    fn finish(self) -> Option<Reply> {
        match self {
            Items::Array(items) => Some(Reply::Array(items)),
            Items::Set(items) => Some(Reply::Set(items)),
            Items::Map(pairs, _) => Some(Reply::Map(pairs)),
            Items::Attribute => None,
            Items::Skipped => Some(Reply::Null),
        }
    }
}

fn line(kind: Line, text: &[u8]) -> Result<Reply, ProtocolError> {
    match (kind, text) {
        (Line::Simple, b"OK") => Ok(Reply::OK),
        (Line::Simple, _) => Ok(Reply::Simple(Bytes::copy_from_slice(text))),
        (Line::Error, _) => Ok(Reply::Error(Bytes::copy_from_slice(text))),
        (Line::BigNumber, _) if number::is_big_number(text) => Ok(Reply::BigNumber(Bytes::copy_from_slice(text))),
        (Line::BigNumber, _) => Err(ProtocolError::BigNumber),
    }
}

fn string(kind: Blob, mut text: Bytes) -> Result<Reply, ProtocolError> {
    match kind {
        Blob::Bulk => Ok(Reply::Bulk(text)),
        Blob::Error => Ok(Reply::Error(text)),
        Blob::Verbatim => {
            let &[a, b, c, b':', ..] = &text[..] else { return Err(ProtocolError::Verbatim) };
            text.advance(4);
            Ok(Reply::Verbatim { format: [a, b, c], text })
        }
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
