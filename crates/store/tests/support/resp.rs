//! RESP as a client reads it: one reply after the other from a stream of bytes. The two nulls of RESP2 are told apart.

use bytes::Bytes;
use model::Reply;
use std::io::{self, BufRead};

/// A command line as an array of bulk strings.
pub fn write_command(out: &mut Vec<u8>, command: &[Bytes]) {
    out.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for word in command {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Something the server sent: an answer, or a push that nobody asked for.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    /// The answer to the oldest command without one.
    Reply(Reply),
    /// A RESP3 push.
    Push(Vec<Reply>),
}

/// The next message.
pub fn read_message(from: &mut impl BufRead) -> io::Result<Message> {
    let line = read_line(from)?;
    match line.split_first() {
        Some((b'>', count)) => Ok(Message::Push(read_many(from, number(count)?)?)),
        _ => Ok(Message::Reply(read_after(from, &line)?)),
    }
}

/// The next reply; pushes before it are left out.
pub fn read_reply(from: &mut impl BufRead) -> io::Result<Reply> {
    loop {
        if let Message::Reply(reply) = read_message(from)? {
            return Ok(reply);
        }
    }
}

fn read_value(from: &mut impl BufRead) -> io::Result<Reply> {
    let line = read_line(from)?;
    read_after(from, &line)
}

fn read_after(from: &mut impl BufRead, line: &[u8]) -> io::Result<Reply> {
    let Some((kind, text)) = line.split_first() else { return Err(invalid("an empty line")) };
    let copied = || Bytes::copy_from_slice(text);
    Ok(match kind {
        b'_' => Reply::Null,
        b'+' => Reply::Simple(copied()),
        b'-' => Reply::Error(copied()),
        b':' => Reply::Int(number(text)?),
        b'#' => Reply::Bool(text == b"t"),
        b',' => Reply::Double(parse_text(text)?),
        b'(' => Reply::BigNumber(copied()),
        b'$' if text.starts_with(b"-") => Reply::Null,
        b'*' if text.starts_with(b"-") => Reply::NullArray,
        b'$' => Reply::Bulk(read_bytes(from, number(text)?)?),
        b'=' => {
            let bytes = read_bytes(from, number(text)?)?;
            let format = bytes[..3].try_into().map_err(|_| invalid("a verbatim string without its format"))?;
            Reply::Verbatim { format, text: bytes.slice(4..) }
        }
        b'*' => Reply::Array(read_many(from, number(text)?)?),
        b'~' => Reply::Set(read_many(from, number(text)?)?),
        b'%' => {
            let pairs = (0..number(text)?).map(|_| Ok((read_value(from)?, read_value(from)?)));
            Reply::Map(pairs.collect::<io::Result<_>>()?)
        }
        other => return Err(invalid(&format!("a reply that begins with {:?}", char::from(*other)))),
    })
}

fn read_many(from: &mut impl BufRead, count: i64) -> io::Result<Vec<Reply>> {
    (0..count).map(|_| read_value(from)).collect()
}

fn read_bytes(from: &mut impl BufRead, len: i64) -> io::Result<Bytes> {
    let mut bytes = vec![0; len as usize + 2];
    from.read_exact(&mut bytes)?;
    bytes.truncate(len as usize);
    Ok(bytes.into())
}

fn read_line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\r\n") {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed"));
    }
    line.truncate(line.len() - 2);
    Ok(line)
}

fn number(text: &[u8]) -> io::Result<i64> {
    parse_text(text)
}

fn parse_text<T: std::str::FromStr>(text: &[u8]) -> io::Result<T> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| invalid("a number that is none"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
