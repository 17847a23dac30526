//! The client's half of the opening handshake (RFC 6455, section 4.1), as little of it as a load generator needs.
//! Frames are `wire`'s.

use anyhow::ensure;

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
    fn the_handshake() {
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\nrest");
        assert_eq!(accepted(answer.as_bytes()).unwrap(), Some(answer.len() - 4));
        assert_eq!(accepted(&answer.as_bytes()[..40]).unwrap(), None);
        let refused = accepted(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(refused.to_string().contains("503 Service Unavailable"));
        assert!(accepted(&[b'x'; 20_000]).is_err());
    }
}
