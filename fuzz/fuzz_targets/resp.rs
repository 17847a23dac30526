//! Bytes as a Redis, or a client of one, may send them: in one piece and byte by byte they decode to the same frames,
//! requests and error, and nothing is held beyond the limits. The first byte chooses the end, the second the limits.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::resp::{ReplyDecoder, ReplyLimits, RequestDecoder, RequestLimits};

fuzz_target!(|data: &[u8]| {
    let [end, max, bytes @ ..] = data else { return };
    let max = usize::from(*max) * 4;
    let decode = if end & 1 == 0 { replies } else { requests };
    assert_eq!(decode(bytes, usize::MAX, max), decode(bytes, 1, max));
});

/// The frames as text, and the error that ended them.
fn replies(bytes: &[u8], piece: usize, max: usize) -> Vec<String> {
    let limits = ReplyLimits { frame_bytes_max: max as u64, elements_max: 50, depth_max: 5 };
    let mut decoder = ReplyDecoder::new(limits);
    all(bytes, piece, |input| {
        let frame = decoder.decode(input).map_err(|error| error.to_string());
        assert!(decoder.held_bytes() <= max * 12 + 10_000);
        frame.map(|frame| frame.map(|frame| format!("{frame:?}"))).transpose()
    })
}

/// The requests as text, and the error that ended them.
fn requests(bytes: &[u8], piece: usize, max: usize) -> Vec<String> {
    let limits =
        RequestLimits { bulk_bytes_max: max, elements_max: max, line_bytes_max: max + 32, request_bytes_max: max * 2 };
    let mut decoder = RequestDecoder::new(limits);
    all(bytes, piece, |input| {
        let request = decoder.decode(input).map_err(|error| error.to_string());
        assert!(decoder.held_bytes() <= max * 50 + 10_000);
        request.map(|request| request.map(|request| format!("{request:?}"))).transpose()
    })
}

fn all(
    bytes: &[u8],
    piece: usize,
    mut next: impl FnMut(&mut BytesMut) -> Option<Result<String, String>>,
) -> Vec<String> {
    let (mut input, mut found) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        while let Some(result) = next(&mut input) {
            let ended = result.is_err();
            found.push(result.unwrap_or_else(|error| error));
            if ended {
                return found;
            }
        }
    }
    found
}
