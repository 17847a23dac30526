//! What a frame is made of: each element's first line, read once and in one go.

use super::number::{self, NoNumber};
use super::reply::ProtocolError;

/// A double's text is shorter than this.
const DOUBLE_BYTES_MAX: usize = 128;

/// An element, or how one begins.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// A text that ends with its line.
    Line(Line, &'a [u8]),
    /// A string of this length follows, and CRLF.
    Blob(Blob, usize),
    /// So many elements follow; keys and values of a map count each.
    Open(Aggregate, u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    Simple,
    Error,
    BigNumber,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blob {
    Bulk,
    Error,
    Verbatim,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aggregate {
    Array,
    Set,
    Map,
    Push,
    Attribute,
}

/// The token that `rest` begins with and how many bytes it has; `None` if its line has not ended. `scanned` is how far the
/// line's end was looked for in vain, and is kept between calls.
pub(super) fn next<'a>(rest: &'a [u8], scanned: &mut usize) -> Result<Option<(Token<'a>, usize)>, ProtocolError> {
    let Some((kind, line)) = rest.split_first() else { return Ok(None) };
    let token = match kind {
        b'$' => return blob(Blob::Bulk, line),
        b':' => integer(line, ProtocolError::Integer)?.map(|(n, used)| (Token::Int(n), used)),
        b'*' => return aggregate(Aggregate::Array, line),
        b'+' => text(Line::Simple, line, scanned)?,
        b'-' => text(Line::Error, line, scanned)?,
        b'_' => word(line, &[("\r\n", Token::Null)], ProtocolError::Null)?,
        b',' => double(line)?,
        b'%' => return aggregate(Aggregate::Map, line),
        b'>' => return aggregate(Aggregate::Push, line),
        b'~' => return aggregate(Aggregate::Set, line),
        b'#' => word(line, &[("t\r\n", Token::Bool(true)), ("f\r\n", Token::Bool(false))], ProtocolError::Bool)?,
        b'=' => return blob(Blob::Verbatim, line),
        b'!' => return blob(Blob::Error, line),
        b'(' => text(Line::BigNumber, line, scanned)?,
        b'|' => return aggregate(Aggregate::Attribute, line),
        b';' | b'.' => return Err(ProtocolError::Streamed),
        other => return Err(ProtocolError::Type(*other)),
    };
    Ok(token.map(|(token, used)| (token, used + 1)))
}

type Read<'a> = Result<Option<(Token<'a>, usize)>, ProtocolError>;

fn integer(line: &[u8], error: ProtocolError) -> Result<Option<(i64, usize)>, ProtocolError> {
    match number::integer_line(line) {
        Ok(read) => Ok(Some(read)),
        Err(NoNumber::Incomplete) => Ok(None),
        Err(NoNumber::Invalid) if line.first() == Some(&b'?') => Err(ProtocolError::Streamed),
        Err(NoNumber::Invalid) => Err(error),
    }
}

fn blob(kind: Blob, line: &[u8]) -> Read<'_> {
    let Some((length, used)) = integer(line, ProtocolError::Length)? else { return Ok(None) };
    let token = match usize::try_from(length) {
        // "txt:" belongs to a verbatim string.
        Ok(length) if kind == Blob::Verbatim && length < 4 => return Err(ProtocolError::Verbatim),
        Ok(length) => Token::Blob(kind, length),
        Err(_) if length == -1 && kind == Blob::Bulk => Token::Null,
        Err(_) => return Err(ProtocolError::Length),
    };
    Ok(Some((token, used + 1)))
}

fn aggregate(kind: Aggregate, line: &[u8]) -> Read<'_> {
    let Some((count, used)) = integer(line, ProtocolError::Length)? else { return Ok(None) };
    let each = if matches!(kind, Aggregate::Map | Aggregate::Attribute) { 2 } else { 1 };
    let token = match u64::try_from(count).ok().and_then(|count| count.checked_mul(each)) {
        Some(count) => Token::Open(kind, count),
        None if count == -1 && kind == Aggregate::Array => Token::Null,
        None => return Err(ProtocolError::Length),
    };
    Ok(Some((token, used + 1)))
}

fn text<'a>(kind: Line, line: &'a [u8], scanned: &mut usize) -> Read<'a> {
    let Some(end) = memchr::memchr(b'\r', &line[*scanned..]).map(|at| *scanned + at) else {
        *scanned = line.len();
        return Ok(None);
    };
    *scanned = end;
    match line.get(end + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((Token::Line(kind, &line[..end]), end + 2))),
        Some(_) => Err(ProtocolError::LineEnd),
    }
}

fn double(line: &[u8]) -> Read<'_> {
    let seen = &line[..line.len().min(DOUBLE_BYTES_MAX)];
    let Some(end) = memchr::memchr(b'\r', seen) else {
        return if line.len() < DOUBLE_BYTES_MAX { Ok(None) } else { Err(ProtocolError::Double) };
    };
    match line.get(end + 1) {
        None => Ok(None),
        Some(b'\n') => {
            let value = number::double(&line[..end]).ok_or(ProtocolError::Double)?;
            Ok(Some((Token::Double(value), end + 2)))
        }
        Some(_) => Err(ProtocolError::LineEnd),
    }
}

/// One of a few words of the same length.
fn word<'a>(line: &[u8], words: &[(&str, Token<'a>)], error: ProtocolError) -> Read<'a> {
    for (word, token) in words {
        if line.starts_with(word.as_bytes()) {
            return Ok(Some((*token, word.len())));
        }
    }
    let may_come = words.iter().any(|(word, _)| word.as_bytes().starts_with(line));
    if may_come { Ok(None) } else { Err(error) }
}
