//! A stream of bytes as a client may send it: in one piece and byte by byte it decodes to the same messages and error.
//! The first byte chooses the role and whether messages may come compressed, the second the limit of a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::ws::{Decoder, Error, Inflater, Role};

fuzz_target!(|data: &[u8]| {
    let [role, max, bytes @ ..] = data else { return };
    let deflates = role & 2 != 0;
    let role = if role & 1 == 0 { Role::Server } else { Role::Client };
    let max = usize::from(*max) * 4;
    assert_eq!(decode(role, deflates, bytes, usize::MAX, max), decode(role, deflates, bytes, 1, max));
});

/// The messages as text, and the error that ended them.
fn decode(role: Role, deflates: bool, bytes: &[u8], piece: usize, max: usize) -> (Vec<String>, Option<Error>) {
    let mut decoder = Decoder::new(role);
    let mut inflater = deflates.then(Inflater::new);
    let mut messages = Vec::new();
    for piece in bytes.to_vec().chunks_mut(piece) {
        let mut input = piece;
        loop {
            match decoder.decode_inflating(&mut input, max, inflater.as_mut()) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        // A compressed message may be a little longer than what it is decompressed.
        assert!(decoder.held_bytes() <= max + max / 8 + 64 + 125);
    }
    (messages, None)
}
