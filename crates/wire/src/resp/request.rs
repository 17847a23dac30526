//! What clients send to a Redis: commands as arrays of bulk strings, or as a line of words (*inline*).
//!
//! Leniences, limits and error texts are those of Redis 7.0 (observed on a real server), since clients' tests compare them:
//! empty requests pass silently, the bytes where a line feed or the CRLF behind a string belong are not looked at, an
//! inline request may end with a bare line feed. Different are two things that a real server never answers: a NUL byte in
//! a line is refused, where C strings make Redis wait for an end of line that it cannot see, and what a line
//! may be long does not depend on how its bytes arrive.

use super::gather::{Gather, Input};
use super::number;
use crate::line;
use bytes::{Buf, Bytes, BytesMut};
use model::{Args, Reply};
use std::fmt;

/// Before a client is authenticated, a command has at most so many words …
const UNAUTHENTICATED_ELEMENTS_MAX: usize = 10;
/// … each at most so long.
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 << 10;
/// Arguments that a request is given memory for at once, and that are kept for the next.
const RESERVE_MAX: usize = 64;

/// What a request may be. Over a limit, the error ends the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestLimits {
    /// One argument (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Words of a command, its name included.
    pub elements_max: usize,
    /// An inline request, or the line that announces a length. Not below 32: lengths of few digits are read without looking.
    pub line_bytes_max: usize,
    /// All arguments of a request together (`client-query-buffer-limit`).
    pub request_bytes_max: usize,
}

impl Default for RequestLimits {
    fn default() -> RequestLimits {
        RequestLimits {
            bulk_bytes_max: 512 << 20,
            elements_max: 1 << 20,
            line_bytes_max: 64 << 10,
            request_bytes_max: 1 << 30,
        }
    }
}

/// Why a connection is to be closed, after its client was told by [`RequestError::reply`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// The number of words is none, or over `elements_max`.
    MultibulkLength,
    /// More words than a client without authentication may send.
    UnauthenticatedMultibulkLength,
    /// An argument's length is none, or over `bulk_bytes_max`.
    BulkLength,
    /// A longer argument than a client without authentication may send.
    UnauthenticatedBulkLength,
    /// This byte where an argument's `$` belongs.
    ExpectedDollar(u8),
    /// The line with the number of words does not end.
    LongMultibulkCount,
    /// The line with an argument's length does not end.
    LongBulkCount,
    /// An inline request over `line_bytes_max`.
    LongInline,
    /// An inline request with a quote that is not closed, or with something behind a closing one.
    UnbalancedQuotes,
    /// An inline request with a NUL byte.
    Nul,
    /// A request over `request_bytes_max`.
    LongRequest,
}

impl RequestError {
    /// The error that is the last thing the client is told.
    pub fn reply(self) -> Reply {
        let mut text = b"ERR Protocol error: ".to_vec();
        match self {
            // Not through `Display`: the byte may be none of UTF-8.
            RequestError::ExpectedDollar(byte) => {
                text.extend_from_slice(b"expected '$', got '");
                text.push(if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
                text.push(b'\'');
            }
            other => text.extend_from_slice(other.to_string().as_bytes()),
        }
        Reply::Error(text.into())
    }
}

impl fmt::Display for RequestError {
    /// What Redis writes behind `ERR Protocol error: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::MultibulkLength => "invalid multibulk length",
            RequestError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            RequestError::BulkLength => "invalid bulk length",
            RequestError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            RequestError::ExpectedDollar(byte) => return write!(f, "expected '$', got '{}'", byte.escape_ascii()),
            RequestError::LongMultibulkCount => "too big mbulk count string",
            RequestError::LongBulkCount => "too big bulk count string",
            RequestError::LongInline => "too big inline request",
            RequestError::UnbalancedQuotes => "unbalanced quotes in request",
            RequestError::Nul => "NUL byte in inline request",
            RequestError::LongRequest => "request over client-query-buffer-limit",
        })
    }
}

impl std::error::Error for RequestError {}

/// The reading half of one client's connection.
#[derive(Debug)]
pub struct RequestDecoder {
    limits: RequestLimits,
    /// Whether the limits before authentication do not count.
    authenticated: bool,
    /// Arguments of the request under way that came whole.
    args: Vec<Bytes>,
    /// Arguments to come; 0: between requests.
    left: usize,
    /// Bytes of the request's arguments that were announced.
    request_bytes: usize,
    /// The argument that came in part.
    bulk: Option<Gather>,
    /// How far the end of the line under way was looked for.
    scanned: usize,
}

impl RequestDecoder {
    /// At the beginning of a connection, for a client that needs no authentication.
    pub fn new(limits: RequestLimits) -> RequestDecoder {
        RequestDecoder {
            limits,
            authenticated: true,
            args: Vec::new(),
            left: 0,
            request_bytes: 0,
            bulk: None,
            scanned: 0,
        }
    }

    /// Whether the client is authenticated, or needs not be. Counts for what [`Self::decode`] reads from then on: say so
    /// before asking for the request behind an `AUTH`.
    pub fn set_authenticated(&mut self, authenticated: bool) {
        self.authenticated = authenticated;
    }

    /// Takes the next request from the input, never an empty one; `None`: it has not all come. What is left in the input
    /// then is the beginning of a line, at most `line_bytes_max`, or less than two bytes; what is read next is to be
    /// put behind it. After an error the connection is to be closed.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Args>, RequestError> {
        let mut words = std::mem::take(&mut self.args);
        let mut reader = Input::new(input);
        let whole = self.read(&mut reader, &mut words, Bytes::copy_from_slice);
        let used = reader.used();
        input.advance(used);
        let request = whole?.then(|| words.drain(..).collect());
        if request.is_none() || words.capacity() <= RESERVE_MAX {
            self.args = words;
        }
        Ok(request)
    }

    /// As [`Self::decode`], for who carries the request out before it reads on: puts its words into `words` (whose
    /// capacity is used again and again), most of them as parts of the input that keep all of it alive, and says whether
    /// there is one. Costs no allocation for what came in one piece.
    pub fn decode_shared(&mut self, input: &mut Bytes, words: &mut Vec<Bytes>) -> Result<bool, RequestError> {
        words.clear();
        std::mem::swap(words, &mut self.args);
        let held = words.len();
        let mut reader = Input::new(input);
        let whole = self.read(&mut reader, words, |part| input.slice_ref(part));
        let used = reader.used();
        input.advance(used);
        if !whole? {
            words[held..].iter_mut().for_each(|word| *word = Bytes::copy_from_slice(word));
            std::mem::swap(words, &mut self.args);
            return Ok(false);
        }
        Ok(true)
    }

    /// Limits for what is read from now on.
    pub fn set_limits(&mut self, limits: RequestLimits) {
        self.limits = limits;
    }

    /// Whether a request has begun.
    pub fn is_mid_request(&self) -> bool {
        self.left > 0
    }

    /// About how many bytes of memory the request under way holds, without what is left in the input.
    pub fn held_bytes(&self) -> usize {
        let args = self.args.iter().map(Bytes::len).sum::<usize>();
        args + self.args.capacity() * size_of::<Bytes>() + self.bulk.as_ref().map_or(0, Gather::held_bytes)
    }

    /// Adds the words of the next request; whether it is whole. `part` makes a word out of a part of the input.
    fn read(
        &mut self,
        input: &mut Input<'_>,
        words: &mut Vec<Bytes>,
        part: impl Fn(&[u8]) -> Bytes,
    ) -> Result<bool, RequestError> {
        while self.left == 0 {
            match input.rest().first() {
                None => return Ok(false),
                Some(b'*') => {
                    let Some(count) = self.multibulk_length(input)? else { return Ok(false) };
                    self.left = count;
                    self.request_bytes = 0;
                    words.reserve(count.min(RESERVE_MAX));
                }
                Some(_) => match self.inline(input)? {
                    None => return Ok(false),
                    Some(line) if line.is_empty() => {}
                    Some(line) => {
                        words.extend(line);
                        return Ok(true);
                    }
                },
            }
        }
        while self.left > 0 {
            let Some(word) = self.bulk(input, &part)? else { return Ok(false) };
            words.push(word);
            self.left -= 1;
        }
        Ok(true)
    }

    /// The number of words; 0 for a request that is none.
    fn multibulk_length(&mut self, input: &mut Input<'_>) -> Result<Option<usize>, RequestError> {
        let length = match number::short_length(&input.rest()[1..]) {
            Some((length, used)) => {
                input.advance(used + 1);
                length
            }
            None => {
                let Some(text) = self.count_line(input, RequestError::LongMultibulkCount)? else { return Ok(None) };
                let length = number::canonical(&text[1..]).ok_or(RequestError::MultibulkLength)?;
                usize::try_from(length).unwrap_or(0)
            }
        };
        self.scanned = 0;
        if length > self.limits.elements_max {
            return Err(RequestError::MultibulkLength);
        }
        if length > UNAUTHENTICATED_ELEMENTS_MAX && !self.authenticated {
            return Err(RequestError::UnauthenticatedMultibulkLength);
        }
        Ok(Some(length))
    }

    /// The next argument.
    fn bulk(&mut self, input: &mut Input<'_>, part: impl Fn(&[u8]) -> Bytes) -> Result<Option<Bytes>, RequestError> {
        if self.bulk.is_none() {
            let Some(length) = self.bulk_length(input)? else { return Ok(None) };
            let rest = input.rest();
            if rest.len() >= length.saturating_add(2) {
                input.advance(length + 2);
                return Ok(Some(part(&rest[..length])));
            }
            self.bulk = Some(Gather::new(length));
        }
        let whole = self.bulk.as_mut().is_some_and(|bulk| bulk.take(input));
        if !whole || input.rest().len() < 2 {
            return Ok(None);
        }
        input.advance(2);
        Ok(self.bulk.take().map(Gather::finish))
    }

    fn bulk_length(&mut self, input: &mut Input<'_>) -> Result<Option<usize>, RequestError> {
        let short = match input.rest() {
            [b'$', line @ ..] => number::short_length(line),
            _ => None,
        };
        let length = match short {
            Some((length, used)) => {
                input.advance(used + 1);
                length
            }
            None => {
                let Some(text) = self.count_line(input, RequestError::LongBulkCount)? else { return Ok(None) };
                match text {
                    [b'$', digits @ ..] => number::canonical(digits).and_then(|length| usize::try_from(length).ok()),
                    // An empty line shows its carriage return.
                    other => return Err(RequestError::ExpectedDollar(*other.first().unwrap_or(&b'\r'))),
                }
                .ok_or(RequestError::BulkLength)?
            }
        };
        self.scanned = 0;
        if length > self.limits.bulk_bytes_max {
            return Err(RequestError::BulkLength);
        }
        if length > UNAUTHENTICATED_BULK_BYTES_MAX && !self.authenticated {
            return Err(RequestError::UnauthenticatedBulkLength);
        }
        self.request_bytes = self.request_bytes.saturating_add(length);
        if self.request_bytes > self.limits.request_bytes_max {
            return Err(RequestError::LongRequest);
        }
        Ok(Some(length))
    }

    /// Takes a line with the byte behind its carriage return, whatever that is.
    fn count_line<'a>(&mut self, input: &mut Input<'a>, long: RequestError) -> Result<Option<&'a [u8]>, RequestError> {
        match self.line_end(b'\r', input.rest(), long)? {
            Some(end) if end + 1 < input.rest().len() => {
                let line = &input.rest()[..end];
                input.advance(end + 2);
                Ok(Some(line))
            }
            _ => Ok(None),
        }
    }

    /// A line's words, none in an empty one.
    fn inline(&mut self, input: &mut Input<'_>) -> Result<Option<Vec<Bytes>>, RequestError> {
        let Some(end) = self.line_end(b'\n', input.rest(), RequestError::LongInline)? else { return Ok(None) };
        let line = &input.rest()[..end];
        input.advance(end + 1);
        self.scanned = 0;
        if memchr::memchr(0, line).is_some() {
            return Err(RequestError::Nul);
        }
        line::split(line.strip_suffix(b"\r").unwrap_or(line)).map(Some).ok_or(RequestError::UnbalancedQuotes)
    }

    /// Where the line ends that `rest` begins with, at most `line_bytes_max` on.
    fn line_end(&mut self, end: u8, rest: &[u8], long: RequestError) -> Result<Option<usize>, RequestError> {
        let max = self.limits.line_bytes_max;
        let seen = &rest[..rest.len().min(max + 1)];
        let found = memchr::memchr(end, &seen[self.scanned..]).map(|at| self.scanned + at);
        self.scanned = found.unwrap_or(seen.len());
        if found.is_none() && rest.len() > max { Err(long) } else { Ok(found) }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
