//! A string value in 24 bytes and, if it is longer than 22, one allocation of its length.
//!
//! Four forms. Short strings lie inline. Longer ones have an allocation of just their size. From a kilobyte on they are
//! shared: a reply holds the same bytes and copies nothing. And what was edited in place (`APPEND`, `SETBIT`) lies in a
//! buffer with room to grow, as such a string will be edited again.
//!
//! Numbers are kept as their text; a flag remembers that a string is one, as `OBJECT ENCODING` tells.

use super::name::INLINE_MAX;
use crate::number::parse_int;
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::ops::Deref;

/// From this length on, replies share a string's bytes.
const SHARED_MIN: usize = 1024;
/// Longer strings do not lie in the same allocation as Redis' header for them.
const EMBEDDED_MAX: usize = 44;

/// A string value.
#[derive(Clone)]
pub struct Text(Form);

#[derive(Clone)]
enum Form {
    Inline { len: u8, is_int: bool, bytes: [u8; INLINE_MAX - 1] },
    Exact(Box<[u8]>),
    Shared(Box<Bytes>),
    Buffer(Box<BytesMut>),
}

impl Text {
    /// A copy of these bytes.
    pub fn new(text: &[u8]) -> Text {
        Text(match text.len() {
            len if len < INLINE_MAX => {
                let mut bytes = [0; INLINE_MAX - 1];
                bytes[..len].copy_from_slice(text);
                Form::Inline { len: len as u8, is_int: parse_int(text).is_some(), bytes }
            }
            len if len < SHARED_MIN => Form::Exact(text.into()),
            _ => Form::Shared(Box::new(Bytes::copy_from_slice(text))),
        })
    }

    /// The same, of a string that Redis does not look at for being an integer.
    pub fn not_int(text: &[u8]) -> Text {
        let mut text = Text::new(text);
        if let Form::Inline { is_int, .. } = &mut text.0 {
            *is_int = false;
        }
        text
    }

    /// A string that was made in a buffer, and is edited again.
    pub fn from_buffer(buffer: BytesMut) -> Text {
        Text(Form::Buffer(Box::new(buffer)))
    }

    /// The bytes for others: shared if they are many, else copied.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Form::Shared(bytes) => (**bytes).clone(),
            _ => Bytes::copy_from_slice(self),
        }
    }

    /// The bytes, to be changed in place.
    pub fn edit(&mut self) -> &mut BytesMut {
        if !matches!(self.0, Form::Buffer(_)) {
            let buffer = match std::mem::replace(&mut self.0, Form::Exact(Box::default())) {
                Form::Shared(bytes) => BytesMut::from(*bytes),
                Form::Exact(bytes) => BytesMut::from(&bytes[..]),
                inline => BytesMut::from(&Text(inline)[..]),
            };
            self.0 = Form::Buffer(Box::new(buffer));
        }
        match &mut self.0 {
            Form::Buffer(buffer) => buffer,
            _ => unreachable!("just made a buffer"),
        }
    }

    /// The name that `OBJECT ENCODING` gives the form.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Inline { is_int: true, .. } => "int",
            Form::Buffer(_) => "raw",
            _ if self.len() <= EMBEDDED_MAX => "embstr",
            _ => "raw",
        }
    }

    /// How many bytes it takes beside its 24.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Inline { .. } => 0,
            Form::Exact(bytes) => bytes.len(),
            Form::Shared(bytes) => size_of::<Bytes>() + bytes.len(),
            Form::Buffer(buffer) => size_of::<BytesMut>() + buffer.capacity(),
        }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Inline { len, bytes, .. } => &bytes[..usize::from(*len)],
            Form::Exact(bytes) => bytes,
            Form::Shared(bytes) => bytes,
            Form::Buffer(buffer) => buffer,
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_their_bytes_in_every_form() {
        assert_eq!(size_of::<Text>(), 24);
        for len in [0, 1, 20, 21, 22, 23, 44, 45, SHARED_MIN - 1, SHARED_MIN, 5000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut text = Text::new(&bytes);
            assert_eq!((&*text, &text.to_bytes()[..]), (&bytes[..], &bytes[..]));
            assert_eq!(text.encoding(), if len <= 44 { "embstr" } else { "raw" });
            text.edit().extend_from_slice(&[7]);
            assert_eq!((text.len(), text[len], &text[..len]), (len + 1, 7, &bytes[..]));
            assert_eq!(text.encoding(), "raw");
        }
    }

    #[test]
    fn a_long_string_is_not_copied_for_a_reply_nor_for_an_edit_of_its_own() {
        let mut text = Text::new(&[1; SHARED_MIN]);
        let reply = text.to_bytes();
        assert_eq!(reply.as_ptr(), text.as_ptr());
        text.edit()[0] = 2;
        assert_eq!((reply[0], text[0]), (1, 2));
    }

    #[test]
    fn integers_are_known_as_such() {
        for (text, encoding) in [("1", "int"), ("-9223372036854775808", "int"), ("01", "embstr"), ("", "embstr")] {
            assert_eq!(Text::new(text.as_bytes()).encoding(), encoding, "{text}");
        }
        assert_eq!(Text::not_int(b"1").encoding(), "embstr");
    }
}
