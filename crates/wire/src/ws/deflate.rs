//! The extension `permessage-deflate` (RFC 7692), without context takeover in either direction.
//!
//! Every message is compressed by itself. So the same frame serves every client that agreed to the extension, and what
//! (de)compresses is no connection's: one [`Deflater`] and one [`Inflater`] serve a whole lane, and hold nothing of a
//! message once the next one comes.
//!
//! ```text
//!  frames as the encoders wrote them ──► Deflater ──► those that shrink: compressed, RSV1 set; the others as they were
//!  payload with RSV1 ──► Decoder ──► Inflater ──► the message, or no more of it than one may have
//! ```

use super::decode::{Error, Role};
use super::encode;
use super::header::{Head, Opcode, RSV1};
use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What is compressed, and how hard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deflate {
    /// A message with fewer bytes is sent as it is.
    pub min_bytes: usize,
    /// From 1, the least work, to 9, the fewest bytes.
    pub level: u32,
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate { min_bytes: 1024, level: 3 }
    }
}

/// Plain counts for metrics; they only rise.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct DeflateCounters {
    /// Messages that were compressed, each once for all who get it, whether or not that made them smaller.
    pub compressions: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// Bytes of the same as they were sent.
    pub compressed_bytes: u64,
}

/// 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compresses a server's frames. Holds its tables (some 300 KB) from the first message on.
#[derive(Debug)]
pub struct Deflater {
    config: Deflate,
    state: Option<Box<Compress>>,
    /// Kept for its capacity.
    out: Vec<u8>,
    /// What was compressed last, and what became of it.
    last: Option<(Bytes, Bytes)>,
    counters: DeflateCounters,
}

impl Deflater {
    /// One that has compressed nothing.
    pub fn new(config: Deflate) -> Deflater {
        Deflater { config, state: None, out: Vec::new(), last: None, counters: DeflateCounters::default() }
    }

    /// The frames for clients that agreed to the extension: each message that has enough bytes, and fewer when it is
    /// compressed, is. Where none is, these are the same bytes, shared.
    ///
    /// `frames` are whole, as the encoders here write them. The same frames twice before [`Deflater::forget`] are
    /// compressed once.
    pub fn frames(&mut self, frames: Bytes) -> Bytes {
        if frames.len() < self.config.min_bytes {
            return frames;
        }
        if let Some((plain, compressed)) = &self.last
            && *plain == frames
        {
            return compressed.clone();
        }
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let compressed =
            if self.compress_each(&frames, &mut out) { Bytes::copy_from_slice(&out) } else { frames.clone() };
        out.shrink_to(KEPT_BYTES);
        self.out = out;
        self.last = Some((frames, compressed.clone()));
        compressed
    }

    /// What was compressed last is not held any longer.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// Counts for metrics.
    pub fn counters(&self) -> DeflateCounters {
        self.counters
    }

    /// Appends the frames to `out`. Returns whether any of them is compressed.
    fn compress_each(&mut self, frames: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut rest, mut any) = (frames, false);
        while let Ok(Some((head, used))) = Head::parse(rest, Role::Client, false) {
            let (frame, after) = rest.split_at((used + head.len as usize).min(rest.len()));
            rest = after;
            let payload = &frame[used..];
            let is_message = head.fin && matches!(head.opcode, Opcode::Text | Opcode::Binary);
            if is_message && payload.len() >= self.config.min_bytes && self.compress(head.opcode, payload, out) {
                any = true;
            } else {
                out.extend_from_slice(frame);
            }
        }
        debug_assert!(rest.is_empty(), "frames are whole, and not compressed yet");
        any
    }

    /// Appends the message as a compressed frame, unless that has more bytes; returns whether it did.
    fn compress(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) -> bool {
        let level = Compression::new(self.config.level.clamp(1, 9));
        let state = self.state.get_or_insert_with(|| Box::new(Compress::new(level, false)));
        state.reset();
        let at = out.len();
        let mark = encode::begin(out);
        let begin = out.len();
        out.reserve(payload.len());
        let result = state.compress_vec(payload, out, FlushCompress::Sync);
        // A buffer that is full may not be all: then it is no gain either.
        let is_whole = result.is_ok() && state.total_in() == payload.len() as u64 && out.len() < out.capacity();
        let gained = is_whole && out.ends_with(&FLUSHED) && out.len() - begin - FLUSHED.len() < payload.len();
        if gained {
            // 7.2.3.6: of an empty message one byte would have to stay; none so short comes here.
            out.truncate(out.len() - FLUSHED.len());
        }
        self.counters.compressions += 1;
        self.counters.bytes += payload.len() as u64;
        self.counters.compressed_bytes += if gained { out.len() - begin } else { payload.len() } as u64;
        match gained {
            // Section 6: set on the first frame of a message, the bit says that the message is compressed.
            true => encode::finish_with(mark, RSV1 | opcode as u8, out),
            false => out.truncate(at),
        }
        gained
    }
}

/// What a scratch buffer may keep from message to message.
const KEPT_BYTES: usize = 64 << 10;

/// A message of so many bytes has at most so many when compressed, by any sender that is not wasteful: blocks that are not
/// compressed cost five bytes each.
pub(super) fn compressed_bytes_max(message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_add(message_bytes_max / 8).saturating_add(64)
}

/// Decompresses messages, never more of one than it may have. Holds its tables (some 50 KB) from the first message on.
#[derive(Default, Debug)]
pub struct Inflater {
    state: Option<Box<Decompress>>,
    out: Vec<u8>,
    messages: u64,
}

/// Behind a payload: what its sender took away, and a last block, empty and not compressed. Where that one is not found as
/// such, the payload did not end at a block's end.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];
/// Bytes of payload that pay for a block marked as the last, behind which everything begins anew.
const STREAM_BYTES: usize = 64;

impl Inflater {
    /// One that has decompressed nothing.
    pub fn new() -> Inflater {
        Inflater::default()
    }

    /// How many messages came compressed.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Gives back what a large message left.
    pub fn rest(&mut self) {
        self.out.clear();
        self.out.shrink_to(KEPT_BYTES);
    }

    /// The message of a compressed payload.
    ///
    /// # Errors
    /// [`Error::TooBig`] as soon as it has more than `bytes_max`; [`Error::NotDeflate`].
    pub fn inflate(&mut self, payload: &[u8], bytes_max: usize) -> Result<&[u8], Error> {
        self.messages += 1;
        self.out.clear();
        let state = self.state.get_or_insert_with(|| Box::new(Decompress::new(false)));
        state.reset(false);
        // Nothing at all is not what the RFC makes of an empty message, but can be meant as nothing else.
        if !payload.is_empty() && !feed(state, payload, &mut self.out, bytes_max)? {
            // 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message."
            let ended = feed(state, &END, &mut self.out, bytes_max)?;
            ended.then_some(()).ok_or(Error::NotDeflate)?;
        }
        Ok(&self.out)
    }
}

/// Decompresses all of `input`; returns whether a block marked as the last ended with it.
///
/// 7.2.3.4: "On platforms on which the flush method using an empty DEFLATE block with no compression is not available,
/// implementors can choose to flush data using DEFLATE blocks with "BFINAL" set to 1." What follows begins anew.
fn feed(state: &mut Decompress, mut input: &[u8], out: &mut Vec<u8>, bytes_max: usize) -> Result<bool, Error> {
    let mut streams_left = 8 + input.len() / STREAM_BYTES;
    loop {
        if out.len() == out.capacity() {
            // By as much again as is there, and to one byte over the limit at most.
            out.reserve_exact((bytes_max + 1 - out.len()).min(out.len().max(4096)));
        }
        let before = state.total_in();
        let status = state.decompress_vec(input, out, FlushDecompress::None).map_err(|_| Error::NotDeflate)?;
        input = &input[(state.total_in() - before) as usize..];
        match status {
            _ if out.len() > bytes_max => return Err(Error::TooBig),
            Status::StreamEnd if input.is_empty() => return Ok(true),
            Status::StreamEnd if streams_left == 0 => return Err(Error::NotDeflate),
            Status::StreamEnd => {
                streams_left -= 1;
                state.reset(false);
            }
            // There may be more behind a full buffer.
            Status::Ok | Status::BufError if out.len() == out.capacity() => {}
            Status::Ok | Status::BufError if input.is_empty() => return Ok(false),
            Status::Ok | Status::BufError => return Err(Error::NotDeflate),
        }
    }
}

#[cfg(test)]
mod tests;
