//! Commands, replies and pushes as bytes.
//!
//! RESP2 has fewer types than RESP3, and what a reply becomes there is decided by its type alone: a map is its keys and values
//! in turn, a set is an array, a double is its text. Which arrays are within which is the command's, and so its
//! store's.

use bytes::BytesMut;
use model::double::DoubleText;
use model::{Reply, Shape, Strings};

/// The protocol's version, chosen by `HELLO`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Protocol {
    /// What every connection begins with.
    #[default]
    Resp2,
    /// With maps, sets, doubles, booleans, nulls and pushes.
    Resp3,
}

/// Appends a command: an array of bulk strings, as every Redis takes it.
pub fn encode_command<A: AsRef<[u8]>>(command: &[A], out: &mut BytesMut) {
    const LENGTH_BYTES: usize = 16;
    let strings: usize = command.iter().map(|arg| arg.as_ref().len() + LENGTH_BYTES).sum();
    out.reserve(LENGTH_BYTES + strings);
    head(b'*', command.len(), out);
    for arg in command {
        blob(b'$', &[arg.as_ref()], out);
    }
}

/// Appends a reply.
pub fn encode_reply(reply: &Reply, protocol: Protocol, out: &mut BytesMut) {
    match protocol {
        Protocol::Resp2 => encode2(reply, out),
        Protocol::Resp3 => encode3(reply, out),
    }
}

/// Appends a push: its kind and what belongs to it. An array in RESP2, where only subscribers take it.
pub fn encode_push(items: &[Reply], protocol: Protocol, out: &mut BytesMut) {
    match protocol {
        Protocol::Resp2 => {
            head(b'*', items.len(), out);
            items.iter().for_each(|item| encode2(item, out));
        }
        Protocol::Resp3 => {
            head(b'>', items.len(), out);
            items.iter().for_each(|item| encode3(item, out));
        }
    }
}

/// Appends a simple string.
pub fn encode_line(text: &[u8], out: &mut BytesMut) {
    line(b'+', text, out);
}

fn encode2(reply: &Reply, out: &mut BytesMut) {
    match reply {
        Reply::NullArray => out.extend_from_slice(b"*-1\r\n"),
        Reply::Null => out.extend_from_slice(b"$-1\r\n"),
        Reply::Double(value) => blob(b'$', &[DoubleText::new(*value).as_bytes()], out),
        Reply::Bool(value) => out.extend_from_slice(if *value { b":1\r\n" } else { b":0\r\n" }),
        Reply::Verbatim { text, .. } => blob(b'$', &[text], out),
        Reply::BigNumber(digits) => blob(b'$', &[digits], out),
        Reply::Array(items) | Reply::Set(items) => {
            head(b'*', items.len(), out);
            items.iter().for_each(|item| encode2(item, out));
        }
        Reply::Map(pairs) => {
            head(b'*', pairs.len() * 2, out);
            for (key, value) in pairs {
                encode2(key, out);
                encode2(value, out);
            }
        }
        Reply::Strings(all) => strings(b'*', all.len(), all, out),
        Reply::Simple(_) | Reply::Error(_) | Reply::Int(_) | Reply::Bulk(_) => encode_same(reply, out),
    }
}

fn encode3(reply: &Reply, out: &mut BytesMut) {
    match reply {
        Reply::Null | Reply::NullArray => out.extend_from_slice(b"_\r\n"),
        Reply::Double(value) => line(b',', DoubleText::new(*value).as_bytes(), out),
        Reply::Bool(value) => out.extend_from_slice(if *value { b"#t\r\n" } else { b"#f\r\n" }),
        Reply::Verbatim { format, text } => blob(b'=', &[format, b":", text], out),
        Reply::BigNumber(digits) => line(b'(', digits, out),
        Reply::Array(items) => {
            head(b'*', items.len(), out);
            items.iter().for_each(|item| encode3(item, out));
        }
        Reply::Set(items) => {
            head(b'~', items.len(), out);
            items.iter().for_each(|item| encode3(item, out));
        }
        Reply::Map(pairs) => {
            head(b'%', pairs.len(), out);
            for (key, value) in pairs {
                encode3(key, out);
                encode3(value, out);
            }
        }
        Reply::Strings(all) => match all.shape() {
            Shape::Array => strings(b'*', all.len(), all, out),
            Shape::Set => strings(b'~', all.len(), all, out),
            Shape::Map => strings(b'%', all.len() / 2, all, out),
        },
        Reply::Simple(_) | Reply::Error(_) | Reply::Int(_) | Reply::Bulk(_) => encode_same(reply, out),
    }
}

/// What both protocols write alike.
fn encode_same(reply: &Reply, out: &mut BytesMut) {
    match reply {
        Reply::Bulk(text) => blob(b'$', &[text], out),
        Reply::Simple(text) if &text[..] == b"OK" => out.extend_from_slice(b"+OK\r\n"),
        Reply::Simple(text) => line(b'+', text, out),
        Reply::Error(text) => line(b'-', text, out),
        Reply::Int(value) => number(b':', itoa::Buffer::new().format(*value), out),
        _ => unreachable!("every other type is written by its protocol"),
    }
}

fn head(kind: u8, count: usize, out: &mut BytesMut) {
    match u8::try_from(count) {
        Ok(digit @ 0..=9) => out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']),
        _ => number(kind, itoa::Buffer::new().format(count), out),
    }
}

/// A line of at most 20 digits and a sign, put together first: most replies are nothing else.
fn number(kind: u8, digits: &str, out: &mut BytesMut) {
    let mut line = [kind; 24];
    let end = digits.len() + 1;
    line[1..end].copy_from_slice(digits.as_bytes());
    line[end..end + 2].copy_from_slice(b"\r\n");
    out.extend_from_slice(&line[..end + 2]);
}

/// A line; line ends in the text are spaces, as in Redis.
fn line(kind: u8, text: &[u8], out: &mut BytesMut) {
    out.reserve(text.len() + 3);
    out.extend_from_slice(&[kind]);
    let begin = out.len();
    out.extend_from_slice(text);
    if memchr::memchr2(b'\r', b'\n', text).is_some() {
        let ends = out[begin..].iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n'));
        ends.for_each(|byte| *byte = b' ');
    }
    out.extend_from_slice(b"\r\n");
}

/// An aggregate of byte strings. There may be very many of a few bytes each, so room is made for all at once.
fn strings(kind: u8, count: usize, all: &Strings, out: &mut BytesMut) {
    /// What stands around a string whose length has one digit: `$3`, and two line ends.
    const AROUND_BYTES: usize = 6;
    head(kind, count, out);
    out.reserve(all.bytes() + all.len() * AROUND_BYTES);
    for string in all.iter() {
        short_blob(string, out);
    }
}

/// A string with its length; a short one is put together first.
fn short_blob(string: &[u8], out: &mut BytesMut) {
    const LINE_BYTES: usize = 32;
    const SHORT_MAX: usize = 9;
    if string.len() > SHORT_MAX {
        return blob(b'$', &[string], out);
    }
    let mut line = [b'$'; LINE_BYTES];
    line[1] = b'0' + string.len() as u8;
    line[2..4].copy_from_slice(b"\r\n");
    let end = 4 + string.len();
    line[4..end].copy_from_slice(string);
    line[end..end + 2].copy_from_slice(b"\r\n");
    out.extend_from_slice(&line[..end + 2]);
}

/// A string with its length, out of its parts.
fn blob(kind: u8, parts: &[&[u8]], out: &mut BytesMut) {
    /// What stands around the string, at most.
    const AROUND_BYTES: usize = 26;
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(length + AROUND_BYTES);
    head(kind, length, out);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::bulk(text)
    }

    fn both(reply: &Reply) -> [String; 2] {
        [Protocol::Resp2, Protocol::Resp3].map(|protocol| {
            let mut out = BytesMut::new();
            encode_reply(reply, protocol, &mut out);
            String::from_utf8(out.to_vec()).unwrap().replace("\r\n", "|")
        })
    }

    #[test]
    fn each_type_in_both_protocols() {
        let verbatim = Reply::Verbatim { format: *b"txt", text: "abc".into() };
        let cases = [
            (Reply::Null, ["$-1|", "_|"]),
            (Reply::NullArray, ["*-1|", "_|"]),
            (Reply::Array(vec![Reply::NullArray, Reply::Null]), ["*2|*-1|$-1|", "*2|_|_|"]),
            (Reply::OK, ["+OK|"; 2]),
            (Reply::error("ERR no"), ["-ERR no|"; 2]),
            (Reply::Int(i64::MIN), [":-9223372036854775808|"; 2]),
            (Reply::Double(1.5), ["$3|1.5|", ",1.5|"]),
            (Reply::Double(f64::NEG_INFINITY), ["$4|-inf|", ",-inf|"]),
            (Reply::Double(f64::NAN), ["$3|nan|", ",nan|"]),
            (Reply::Bool(true), [":1|", "#t|"]),
            (Reply::Bool(false), [":0|", "#f|"]),
            (bulk(""), ["$0||"; 2]),
            (bulk("a\r\nb"), ["$4|a|b|"; 2]),
            (verbatim, ["$3|abc|", "=7|txt:abc|"]),
            (
                Reply::BigNumber("-12345678901234567890".into()),
                ["$21|-12345678901234567890|", "(-12345678901234567890|"],
            ),
            (Reply::Array(vec![]), ["*0|"; 2]),
            (Reply::Array(vec![Reply::Int(1), Reply::Null]), ["*2|:1|$-1|", "*2|:1|_|"]),
            (Reply::Map(vec![(bulk("a"), Reply::Int(1))]), ["*2|$1|a|:1|", "%1|$1|a|:1|"]),
            (Reply::Set(vec![bulk("a")]), ["*1|$1|a|", "~1|$1|a|"]),
        ];
        for (reply, expected) in cases {
            assert_eq!(both(&reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(both(&Reply::error("ERR a\r\nb"))[0], "-ERR a  b|");
        assert_eq!(both(&Reply::Simple("a\nb\r".into()))[1], "+a b |");
    }

    #[test]
    fn commands_and_pushes() {
        let mut out = BytesMut::new();
        encode_command(&["GET", ""], &mut out);
        encode_command(&[bytes::Bytes::from("a\r\n")], &mut out);
        assert_eq!(&out[..], b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n*1\r\n$3\r\na\r\n\r\n");
        let push = [bulk("invalidate"), Reply::Null];
        out.clear();
        encode_push(&push, Protocol::Resp3, &mut out);
        encode_push(&push, Protocol::Resp2, &mut out);
        assert_eq!(&out[..], b">2\r\n$10\r\ninvalidate\r\n_\r\n*2\r\n$10\r\ninvalidate\r\n$-1\r\n");
    }
}
