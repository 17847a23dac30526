//! WebSocket frames (RFC 6455): the base framing protocol of its section 5, both roles; and one extension.
//!
//! [`encode`](frame) writes frames into a given buffer, with the payload behind a reserved header where it is made on
//! the spot ([`begin`], [`finish`]). [`Decoder`] reads them from a buffer that belongs to whoever reads the socket.
//! `deflate.rs` is the extension, `extensions.rs` how it is agreed to. Sentences of the RFCs are quoted where they are obeyed.

mod decode;
mod deflate;
mod encode;
mod extensions;
mod header;
mod mask;
mod utf8;

pub use decode::{Decoder, Error, Message, Role};
pub use deflate::{Deflate, DeflateCounters, Deflater, Inflater};
pub use encode::{Mark, begin, client_fragment, client_frame, close, close_echo, finish, frame, header, ping, pong};
pub use extensions::{Malformed, negotiate_deflate};
pub use header::{CONTROL_PAYLOAD_MAX, Opcode};

use base64::Engine;

/// The `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`.
///
/// RFC 6455, 4.2.2: "concatenating /key/, defined above in step 4 in Section 4.2.2, with the string
/// "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", taking the SHA-1 hash of this concatenated value to obtain a 20-byte value
/// and base64-encoding […] this 20-byte hash."
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(hash.digest().bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_key_of_the_rfc() {
        assert_eq!(super::accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
