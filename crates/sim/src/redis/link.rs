//! One connection between the gateway and the server: both ends, and what is on the way.
//!
//! Bytes take their time in pieces of any size. Either end may be gone without the other knowing; a connection may be
//! lost, so that nothing arrives any more and nobody is told.

use super::session::Session;
use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use model::reply::Frame;
use model::{Args, Reply};
use std::collections::VecDeque;
use upstream::Role;
use wire::resp::{Protocol, ReplyDecoder, ReplyLimits, encode_command, encode_push, encode_reply};

/// What becomes of an attempt to connect.
pub(super) enum Accepted {
    /// It was given up.
    Gone,
    /// Nobody answers yet.
    Later,
    /// It is refused.
    No(&'static str),
    /// It stands.
    Yes,
}

/// A connection, or an attempt at one.
pub(super) struct Link {
    /// What the gateway uses it for.
    pub role: Role,
    /// The server's side of it; none before it is accepted, and after the server has ended it.
    pub session: Option<Session>,
    /// The gateway has not given it up.
    pub is_here: bool,
    /// It stands, or stood.
    pub is_accepted: bool,
    /// Nothing arrives any more, on either side.
    pub is_lost: bool,
    /// A job that brings bytes to the server is planned.
    pub is_rising: bool,
    /// A job that brings bytes to the gateway is planned.
    pub is_falling: bool,
    up: VecDeque<u8>,
    down: VecDeque<Bytes>,
    /// The first frame of `down` is not whole any more.
    is_cut: bool,
    input: BytesMut,
    decoder: ReplyDecoder,
}

impl Link {
    /// An attempt.
    pub fn new(role: Role, value_bytes_max: usize) -> Link {
        let limits = ReplyLimits { frame_bytes_max: value_bytes_max as u64, ..ReplyLimits::default() };
        Link {
            role,
            session: None,
            is_here: true,
            is_accepted: false,
            is_lost: false,
            is_rising: false,
            is_falling: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            is_cut: false,
            input: BytesMut::new(),
            decoder: ReplyDecoder::new(limits),
        }
    }

    /// The gateway sends a command.
    pub fn write(&mut self, command: &Args) {
        let mut bytes = BytesMut::new();
        encode_command(command, &mut bytes);
        self.up.extend(&bytes);
    }

    /// Some of what is on the way to the server.
    pub fn take_up(&mut self, rng: &mut Rng) -> Vec<u8> {
        let count = some(self.up.len(), rng);
        self.up.drain(..count).collect()
    }

    /// More is on the way to the server, or the gateway's end of the connection.
    pub fn rises(&self) -> bool {
        self.session.is_some() && (!self.up.is_empty() || !self.is_here)
    }

    /// All that the gateway sent has arrived, and it will send no more.
    pub fn has_risen(&self) -> bool {
        self.up.is_empty() && !self.is_here
    }

    /// More is on the way to the gateway, or the server's end of the connection.
    pub fn falls(&self) -> bool {
        self.is_here && self.is_accepted && (!self.down.is_empty() || self.session.is_none())
    }

    /// The gateway gives it up: of what it sent, only a part may still arrive.
    pub fn give_up(&mut self, rng: &mut Rng) {
        self.is_here = false;
        let kept = some(self.up.len(), rng);
        self.up.truncate(kept);
        self.down.clear();
    }

    /// The server ends it, or the network does: of what it sent, only a part may still arrive.
    pub fn end(&mut self, rng: &mut Rng) -> Option<Session> {
        self.up.clear();
        if rng.bool() {
            let whole = rng.usize(0..=self.down.len());
            if let Some(frame) = self.down.get_mut(whole) {
                frame.truncate(rng.usize(0..=frame.len()));
            }
            self.down.truncate(whole + 1);
        }
        self.session.take()
    }

    /// The server answers.
    pub fn reply(&mut self, reply: &Reply, protocol: Protocol) {
        let mut bytes = BytesMut::new();
        encode_reply(reply, protocol, &mut bytes);
        self.down.push_back(bytes.freeze());
    }

    /// The server pushes.
    pub fn push(&mut self, items: &[Reply], protocol: Protocol) {
        let mut bytes = BytesMut::new();
        encode_push(items, protocol, &mut bytes);
        self.down.push_back(bytes.freeze());
    }

    /// The server pushes, and that overtakes what was sent before. Whether there was something to overtake.
    pub fn push_early(&mut self, items: &[Reply], protocol: Protocol) -> bool {
        let first = usize::from(self.is_cut);
        self.push(items, protocol);
        if self.down.len() < first + 2 {
            return false;
        }
        let push = self.down.pop_back().expect("it was just pushed");
        self.down.insert(first, push);
        true
    }

    /// The gateway reads some of what has arrived: whole frames, and why the connection is over, if it is.
    pub fn take_down(&mut self, rng: &mut Rng) -> (Vec<Frame>, Option<String>) {
        let mut left = some(self.down.iter().map(Bytes::len).sum(), rng);
        while left > 0
            && let Some(first) = self.down.front_mut()
        {
            let taken = first.split_to(left.min(first.len()));
            left -= taken.len();
            self.input.extend_from_slice(&taken);
            self.is_cut = !first.is_empty();
            if first.is_empty() {
                self.down.pop_front();
            }
        }
        let mut frames = Vec::new();
        loop {
            match self.decoder.decode(&mut self.input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(format!("no RESP: {error:?}"))),
            }
        }
        let is_over = self.down.iter().all(Bytes::is_empty) && self.session.is_none();
        (frames, is_over.then(|| "the server has ended it".to_owned()))
    }
}

/// All of it as a rule, or a part.
fn some(most: usize, rng: &mut Rng) -> usize {
    if rng.u8(0..3) == 0 { rng.usize(0..=most) } else { most }
}
