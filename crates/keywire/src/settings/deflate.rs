//! The settings of compression on WebSocket connections.

/// Compression of WebSocket messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Deflate {
    /// Agree to `permessage-deflate` (RFC 7692) with clients of `/ws` and `/raw` that offer it. A message is compressed once for
    /// all who get it, and by itself: no connection holds more memory for it.
    pub enabled: bool,
    /// A message with fewer bytes is sent as it is.
    pub min_bytes: usize,
    /// From 1, the least work, to 9, the fewest bytes.
    pub level: u32,
}

impl Default for Deflate {
    fn default() -> Deflate {
        let wire::ws::Deflate { min_bytes, level } = wire::ws::Deflate::default();
        Deflate { enabled: false, min_bytes, level }
    }
}
