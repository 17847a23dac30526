//! A text that arrives in pieces: each piece is validated once, when it comes, and a wrong byte is told at once.
//!
//! What is complete lives in a `String`; a character that a piece cut in two waits in `tail`, at most three bytes.

use super::decode::Error;

/// A text message being gathered.
#[derive(Default, Debug)]
pub(super) struct Text {
    whole: String,
    tail: [u8; 4],
    tail_len: u8,
}

impl Text {
    /// Bytes gathered.
    pub fn len(&self) -> usize {
        self.whole.len() + usize::from(self.tail_len)
    }

    /// Bytes of memory it holds.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.whole.capacity()
    }

    /// Appends the next bytes; `expected` is how many bytes are known to come, these included.
    pub fn push(&mut self, bytes: &[u8], expected: usize) -> Result<(), Error> {
        let bytes = self.complete_tail(bytes)?;
        let (whole, tail) = bytes.split_at(bytes.len() - cut_character(bytes));
        let whole = simdutf8::basic::from_utf8(whole).map_err(|_| Error::NotUtf8)?;
        let more = super::decode::room(self.whole.capacity(), self.whole.len(), bytes.len(), expected);
        self.whole.reserve_exact(more);
        self.whole.push_str(whole);
        tail.iter().try_for_each(|&byte| self.push_to_tail(byte))
    }

    /// The text, once all of it has come: RFC 6455, 8.1: "When an endpoint is to interpret a byte stream as UTF-8 but
    /// finds that the byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
    /// Connection_."
    pub fn check_complete(&self) -> Result<(), Error> {
        if self.tail_len == 0 { Ok(()) } else { Err(Error::NotUtf8) }
    }

    /// What is complete.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// Completes the character in `tail` if there is one; returns the bytes that follow it.
    fn complete_tail<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        while self.tail_len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { break };
            self.push_to_tail(byte)?;
            bytes = rest;
        }
        Ok(bytes)
    }

    fn push_to_tail(&mut self, byte: u8) -> Result<(), Error> {
        self.tail[usize::from(self.tail_len)] = byte;
        self.tail_len += 1;
        match std::str::from_utf8(&self.tail[..usize::from(self.tail_len)]) {
            Ok(character) => {
                self.whole.push_str(character);
                self.tail_len = 0;
                Ok(())
            }
            // No error length: the bytes are the beginning of a character. Never four of them.
            Err(e) if e.error_len().is_none() => Ok(()),
            Err(_) => Err(Error::NotUtf8),
        }
    }
}

/// How many bytes at the end begin a character that is not complete there: 0 to 3. Judges only by the leading byte.
fn cut_character(bytes: &[u8]) -> usize {
    let last_three = bytes.iter().rev().take(3).enumerate();
    for (i, &byte) in last_three {
        let need = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if need > i + 1 { i + 1 } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(pieces: &[&[u8]]) -> Result<String, Error> {
        let mut text = Text::default();
        for piece in pieces {
            text.push(piece, piece.len())?;
        }
        text.check_complete()?;
        Ok(text.as_str().to_owned())
    }

    #[test]
    fn characters_cut_anywhere_come_together() {
        let text = "aß€😀κόσμε\u{10ffff}\u{7ff}\u{800}z".as_bytes();
        for i in 0..=text.len() {
            for j in i..=text.len() {
                assert_eq!(gather(&[&text[..i], &text[i..j], &text[j..]]).unwrap().as_bytes(), text);
            }
        }
    }

    #[test]
    fn a_wrong_byte_is_told_when_it_comes() {
        // A surrogate, an overlong form, beyond U+10FFFF, a lone continuation, bytes that are never UTF-8.
        for bad in [&b"\xed\xa0"[..], b"\xc0\xaf", b"\xe0\x80", b"\xf4\x90", b"\x80", b"\xff", b"\xf8\x88", b"\xc3a"] {
            let mut text = Text::default();
            assert_eq!(text.push(bad, 9), Err(Error::NotUtf8), "{bad:x?}");
            let mut bytewise = Text::default();
            assert!(bad.iter().any(|b| bytewise.push(&[*b], 9).is_err()), "{bad:x?}");
        }
    }

    #[test]
    fn half_a_character_at_the_end_is_wrong() {
        assert_eq!(gather(&[b"a\xe2\x82"]), Err(Error::NotUtf8));
    }
}
