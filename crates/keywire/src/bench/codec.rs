//! The client's half of RFC 6455, as little of it as a load generator needs.

use anyhow::{anyhow, bail, ensure};

/// What a frame is; the numbers are those of the RFC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// Goes on with a message.
    Continuation = 0,
    /// A message of text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// To be answered by a pong.
    Ping = 9,
    /// An answer.
    Pong = 10,
}

/// A frame's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The frame ends its message.
    pub fin: bool,
    /// What it is.
    pub opcode: Opcode,
    /// Bytes before the payload.
    pub header_len: usize,
    /// Bytes of the payload.
    pub payload_len: usize,
}

/// The header at the start of `bytes`; none if it is not all there yet.
pub fn header(bytes: &[u8]) -> anyhow::Result<Option<Header>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => bail!("the server sent a frame of the unknown opcode {other}"),
    };
    // "A server MUST NOT mask any frames that it sends to the client."
    ensure!(second & 0x80 == 0, "the server sent a masked frame");
    ensure!(first & 0x70 == 0, "the server sent a frame with a reserved bit");
    let (header_len, payload_len) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(len) => (4, usize::from(u16::from_be_bytes(*len))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(len) => (10, usize::try_from(u64::from_be_bytes(*len)).map_err(|_| anyhow!("a frame too long"))?),
            None => return Ok(None),
        },
        short => (2, usize::from(short)),
    };
    Ok(Some(Header { fin: first & 0x80 != 0, opcode, header_len, payload_len }))
}

/// Appends one whole message of the client. The masking key is zero, which is a key like any other and spares work.
pub fn encode(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    const MASKED: u8 = 0x80;
    out.push(0x80 | opcode as u8);
    match payload.len() {
        len @ 0..=125 => out.push(MASKED | len as u8),
        len @ 126..=65535 => {
            out.push(MASKED | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The opening handshake's request.
pub fn request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The RFC's own example: a load generator needs no proof that no cache answered.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The length of the handshake's answer at the start of `bytes`; none if it is not all there yet.
pub fn accepted(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    const LONGEST: usize = 16 << 10;
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        ensure!(bytes.len() < LONGEST, "the server does not speak HTTP");
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.lines().next().unwrap_or("");
    ensure!(status.starts_with("HTTP/1.1 101"), "the server refused the upgrade to WebSocket: {status}");
    ensure!(head.contains(ACCEPT), "the server's Sec-WebSocket-Accept is wrong");
    Ok(Some(end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_length_need_all_their_bytes() {
        for (len, header_len) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            let mut frame = Vec::new();
            encode(Opcode::Text, &vec![b'x'; len], &mut frame);
            assert_eq!(frame.len(), header_len + 4 + len);
            frame[1] &= 0x7f;
            for cut in 0..header_len {
                assert_eq!(header(&frame[..cut]).unwrap(), None);
            }
            let expected = Header { fin: true, opcode: Opcode::Text, header_len, payload_len: len };
            assert_eq!(header(&frame).unwrap(), Some(expected));
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_an_error() {
        assert!(header(&[0x81, 0x80]).is_err(), "masked");
        assert!(header(&[0xc1, 0]).is_err(), "a reserved bit");
        assert!(header(&[0x83, 0]).is_err(), "an opcode");
    }

    #[test]
    fn the_handshake() {
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\nrest");
        assert_eq!(accepted(answer.as_bytes()).unwrap(), Some(answer.len() - 4));
        assert_eq!(accepted(&answer.as_bytes()[..40]).unwrap(), None);
        let refused = accepted(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(refused.to_string().contains("503 Service Unavailable"));
        assert!(accepted(&[b'x'; 20_000]).is_err());
    }
}
