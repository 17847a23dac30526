//! What a connection of the server is to the server: what it may send, whether it tracks, what it subscribes.

use bytes::BytesMut;
use model::Args;
use model::backend::ChannelName;
use std::collections::BTreeSet;
use wire::resp::{Protocol, RequestDecoder, RequestLimits};

/// One connection as the server knows it.
pub(super) struct Session {
    /// RESP2 until `HELLO 3`.
    pub protocol: Protocol,
    /// What it reads is remembered, and changes of that are pushed.
    pub is_tracking: bool,
    /// What it subscribes.
    pub channels: BTreeSet<ChannelName>,
    /// The commands since MULTI.
    pub queued: Option<Vec<Args>>,
    /// One of them was refused.
    pub is_aborted: bool,
    input: BytesMut,
    decoder: RequestDecoder,
}

impl Session {
    /// A new connection.
    pub fn new() -> Session {
        Session {
            protocol: Protocol::Resp2,
            is_tracking: false,
            channels: BTreeSet::new(),
            queued: None,
            is_aborted: false,
            input: BytesMut::new(),
            decoder: RequestDecoder::new(RequestLimits::default()),
        }
    }

    /// Bytes have come.
    pub fn received(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// The next whole command.
    pub fn next(&mut self) -> Option<Args> {
        self.decoder.decode(&mut self.input).expect("the gateway speaks RESP")
    }
}
