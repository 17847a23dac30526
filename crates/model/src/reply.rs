//! What a command answered, in the types of RESP3.

use crate::Strings;
use bytes::Bytes;

/// A reply of Redis, as RESP3 types it (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
/// The embedded store answers with it directly; a Redis connection decodes it from bytes.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Null.
    Null,
    /// Null where an array would have stood: the same as [`Reply::Null`] but in RESP2, which has two nulls. Only the embedded
    /// store tells them apart; what a connection decodes is always [`Reply::Null`].
    NullArray,
    /// A status line such as `OK`.
    Simple(Bytes),
    /// An error; the text begins with its code (`WRONGTYPE Operation …`).
    Error(Bytes),
    /// A signed 64-bit integer.
    Int(i64),
    /// A double; may be infinite or not a number.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// A byte string.
    Bulk(Bytes),
    /// A verbatim string; `format` is three bytes such as `txt`.
    Verbatim {
        /// `txt` or `mkd`.
        format: [u8; 3],
        /// The text without its format prefix.
        text: Bytes,
    },
    /// An integer of any size, as its decimal digits.
    BigNumber(Bytes),
    /// An array.
    Array(Vec<Reply>),
    /// A map, in the order the server sent it.
    Map(Vec<(Reply, Reply)>),
    /// A set, in no particular order.
    Set(Vec<Reply>),
    /// An array, a set or a map of byte strings, all in one buffer. Only the embedded store answers with it, where there may be
    /// many; it equals what it stands for.
    Strings(Box<Strings>),
}

/// One whole thing that a Redis connection received, in the order it came.
#[derive(Clone, PartialEq, Debug)]
pub enum Frame {
    /// The answer to the oldest command that has none yet.
    Reply(Reply),
    /// Out of band, RESP3 only: its kind (`invalidate`, `message`, …) and what belongs to it.
    Push(Vec<Reply>),
    /// Over the limit of one frame: its bytes were passed over, and the connection goes on behind it.
    Oversize {
        /// A push; else it answers a command as a [`Frame::Reply`] does.
        push: bool,
        /// How long the frame was, in bytes.
        bytes: u64,
        /// For a push or an array: its elements that were whole before the limit, such as `message` and the channel.
        head: Vec<Reply>,
    },
}

impl Reply {
    /// The reply `OK`.
    pub const OK: Reply = Reply::Simple(Bytes::from_static(b"OK"));

    /// A bulk string with a copy of `bytes`.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Reply {
        Reply::Bulk(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// An error reply; `text` begins with its code.
    pub fn error(text: impl AsRef<str>) -> Reply {
        Reply::Error(Bytes::copy_from_slice(text.as_ref().as_bytes()))
    }

    /// Whether it is one of the two nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Reply::Null | Reply::NullArray)
    }

    /// The error, if this is one.
    pub fn as_error(&self) -> Option<crate::Error> {
        match self {
            Reply::Error(text) => Some(crate::Error::from_redis(&String::from_utf8_lossy(text))),
            _ => None,
        }
    }

    /// The same without [`Reply::Strings`], at any depth.
    pub fn expanded(self) -> Reply {
        match self {
            Reply::Strings(strings) => strings.into_reply(),
            Reply::Array(items) => Reply::Array(items.into_iter().map(Reply::expanded).collect()),
            Reply::Set(items) => Reply::Set(items.into_iter().map(Reply::expanded).collect()),
            Reply::Map(pairs) => Reply::Map(pairs.into_iter().map(|(k, v)| (k.expanded(), v.expanded())).collect()),
            other => other,
        }
    }

    /// What each element counts in [`Reply::size`] beside its payload.
    pub const ELEMENT_BYTES: usize = 8;

    /// About how many bytes the reply holds: payloads plus a few for each element. For limits, not for accounting.
    pub fn size(&self) -> usize {
        Reply::ELEMENT_BYTES
            + match self {
                Reply::Null | Reply::NullArray | Reply::Int(_) | Reply::Double(_) | Reply::Bool(_) => 0,
                Reply::Simple(b) | Reply::Error(b) | Reply::Bulk(b) | Reply::BigNumber(b) => b.len(),
                Reply::Verbatim { text, .. } => text.len(),
                Reply::Array(items) | Reply::Set(items) => items.iter().map(Reply::size).sum(),
                Reply::Map(pairs) => pairs.iter().map(|(k, v)| k.size() + v.size()).sum(),
                Reply::Strings(strings) => Reply::ELEMENT_BYTES * strings.len() + strings.bytes(),
            }
    }
}

impl PartialEq for Reply {
    fn eq(&self, other: &Reply) -> bool {
        match (self, other) {
            (Reply::Null, Reply::Null) | (Reply::NullArray, Reply::NullArray) => true,
            (Reply::Simple(a), Reply::Simple(b))
            | (Reply::Error(a), Reply::Error(b))
            | (Reply::Bulk(a), Reply::Bulk(b))
            | (Reply::BigNumber(a), Reply::BigNumber(b)) => a == b,
            (Reply::Int(a), Reply::Int(b)) => a == b,
            (Reply::Double(a), Reply::Double(b)) => a == b,
            (Reply::Bool(a), Reply::Bool(b)) => a == b,
            (Reply::Verbatim { format, text }, Reply::Verbatim { format: f, text: t }) => format == f && text == t,
            (Reply::Array(a), Reply::Array(b)) | (Reply::Set(a), Reply::Set(b)) => a == b,
            (Reply::Map(a), Reply::Map(b)) => a == b,
            (Reply::Strings(a), Reply::Strings(b)) => a == b,
            (Reply::Strings(strings), other) | (other, Reply::Strings(strings)) => {
                let is_such = matches!(other, Reply::Array(_) | Reply::Set(_) | Reply::Map(_));
                is_such && strings.clone().into_reply() == *other
            }
            _ => false,
        }
    }
}
