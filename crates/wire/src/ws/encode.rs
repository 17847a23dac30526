//! Writing frames. A server's frames carry no mask, so the same bytes serve every client that hears them.

use super::header::{CONTROL_PAYLOAD_MAX, FIN, LENGTH_16, LENGTH_64, MASKED, Opcode};
use super::mask;
use model::CloseCode;

/// Appends a server's frame: one whole message, or a control frame.
///
/// RFC 6455, 5.1: "A server MUST NOT mask any frames that it sends to the client."
pub fn frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(10 + payload.len());
    header(opcode, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends the head of a server's frame whose payload of `len` bytes the caller puts right behind it.
pub fn header(opcode: Opcode, len: usize, out: &mut Vec<u8>) {
    write_head(FIN | opcode as u8, 0, len, out);
}

/// Where [`begin`] left room for a head.
#[derive(Debug)]
#[must_use = "the frame has no head until `finish`"]
pub struct Mark(usize);

/// The head that most messages get: two bytes and a 16-bit length.
const ROOM: usize = 4;

/// Leaves room for a head; what is appended from here on to [`finish`] is the payload.
pub fn begin(out: &mut Vec<u8>) -> Mark {
    let mark = Mark(out.len());
    out.extend_from_slice(&[0; ROOM]);
    mark
}

/// Writes the head of the frame begun at `mark` and closes the gap, or widens it: only a payload under 126 bytes, or
/// over 65,535, is moved.
pub fn finish(mark: Mark, opcode: Opcode, out: &mut Vec<u8>) {
    finish_with(mark, opcode as u8, out);
}

/// The same for an opcode with reserved bits.
pub(super) fn finish_with(mark: Mark, opcode: u8, out: &mut Vec<u8>) {
    let Mark(at) = mark;
    let len = out.len() - at - ROOM;
    match len {
        0..=125 => {
            out.copy_within(at + ROOM.., at + 2);
            out.truncate(at + 2 + len);
            out[at..at + 2].copy_from_slice(&[FIN | opcode, len as u8]);
        }
        126..=0xffff => {
            let [high, low] = (len as u16).to_be_bytes();
            out[at..at + ROOM].copy_from_slice(&[FIN | opcode, LENGTH_16, high, low]);
        }
        _ => {
            let mut head = Vec::with_capacity(10);
            write_head(FIN | opcode, 0, len, &mut head);
            out.splice(at..at + ROOM, head);
        }
    }
}

/// Appends a close frame; what of `reason` does not fit into a control frame is cut off at a character's end.
pub fn close(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_PAYLOAD_MAX - 2)];
    header(Opcode::Close, 2 + reason.len(), out);
    out.extend_from_slice(&code.code().to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a client's close frame. RFC 6455, 5.5.1: "When sending a Close frame in response, the endpoint
/// typically echos the status code it received."
pub fn close_echo(code: Option<u16>, out: &mut Vec<u8>) {
    match code {
        Some(code) => frame(Opcode::Close, &code.to_be_bytes(), out),
        None => frame(Opcode::Close, b"", out),
    }
}

/// Appends a ping; of `payload` the first 125 bytes.
pub fn ping(payload: &[u8], out: &mut Vec<u8>) {
    frame(Opcode::Ping, &payload[..payload.len().min(CONTROL_PAYLOAD_MAX)], out);
}

/// Appends a pong. RFC 6455, 5.5.3: "A Pong frame sent in response to a Ping frame must have identical "Application
/// data" as found in the message body of the Ping frame being replied to." A decoded ping has at most 125 bytes.
pub fn pong(payload: &[u8], out: &mut Vec<u8>) {
    frame(Opcode::Pong, &payload[..payload.len().min(CONTROL_PAYLOAD_MAX)], out);
}

/// Appends a client's frame: one whole message, or a control frame. For load generators and tests.
pub fn client_frame(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    client_fragment(true, opcode, payload, mask, out);
}

/// Appends a client's frame that is the last of its message (`fin`) or not.
pub fn client_fragment(fin: bool, opcode: Opcode, payload: &[u8], key: [u8; 4], out: &mut Vec<u8>) {
    let fin = if fin { FIN } else { 0 };
    write_head(fin | opcode as u8, MASKED, payload.len(), out);
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(&mut out[start..], key, 0);
}

/// 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length".
fn write_head(first: u8, masked: u8, len: usize, out: &mut Vec<u8>) {
    match len {
        0..=125 => out.extend_from_slice(&[first, masked | len as u8]),
        126..=0xffff => {
            let [high, low] = (len as u16).to_be_bytes();
            out.extend_from_slice(&[first, masked | LENGTH_16, high, low]);
        }
        _ => {
            out.extend_from_slice(&[first, masked | LENGTH_64]);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let mut out = Vec::new();
        frame(Opcode::Text, b"Hello", &mut out);
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        out.clear();
        client_frame(Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d], &mut out);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        out.clear();
        header(Opcode::Binary, 256, &mut out);
        assert_eq!(out, [0x82, 0x7e, 0x01, 0x00]);
        out.clear();
        header(Opcode::Binary, 65536, &mut out);
        assert_eq!(out, [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_payload_written_behind_its_mark_is_the_same_frame() {
        for len in [0, 1, 2, 3, 125, 126, 127, 65535, 65536, 70000] {
            let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (mut whole, mut begun) = (b"before".to_vec(), b"before".to_vec());
            frame(Opcode::Text, &payload, &mut whole);
            let mark = begin(&mut begun);
            begun.extend_from_slice(&payload);
            finish(mark, Opcode::Text, &mut begun);
            assert_eq!(begun, whole, "{len}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let mut out = Vec::new();
        close(CloseCode::Policy, &"ä".repeat(100), &mut out);
        assert_eq!(out[1], 2 + 122);
        assert_eq!(std::str::from_utf8(&out[4..]).unwrap(), "ä".repeat(61));
    }

    #[test]
    fn every_close_code_has_its_number_and_reason() {
        let mut out = Vec::new();
        close(CloseCode::TooSlow, "slow", &mut out);
        assert_eq!(out, [0x88, 6, 0x10, 0x05, b's', b'l', b'o', b'w']);
        out.clear();
        close_echo(None, &mut out);
        close_echo(Some(1000), &mut out);
        assert_eq!(out, [0x88, 0, 0x88, 2, 0x03, 0xe8]);
    }
}
