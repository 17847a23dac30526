//! A stream of bytes as a client may send it: in one piece and byte by byte it decodes to the same messages and error.
//! The first byte chooses the role, the second the limit of a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::ws::{Decoder, Error, Role};

fuzz_target!(|data: &[u8]| {
    let [role, max, bytes @ ..] = data else { return };
    let role = if role & 1 == 0 { Role::Server } else { Role::Client };
    let max = usize::from(*max) * 4;
    assert_eq!(decode(role, bytes, usize::MAX, max), decode(role, bytes, 1, max));
});

/// The messages as text, and the error that ended them.
fn decode(role: Role, bytes: &[u8], piece: usize, max: usize) -> (Vec<String>, Option<Error>) {
    let mut decoder = Decoder::new(role);
    let mut messages = Vec::new();
    for piece in bytes.to_vec().chunks_mut(piece) {
        let mut input = piece;
        loop {
            match decoder.decode(&mut input, max) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(decoder.held_bytes() <= max + 125);
    }
    (messages, None)
}
