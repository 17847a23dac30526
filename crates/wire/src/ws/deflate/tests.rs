//! What the compressor writes read by the decoder and by a plain inflater; what clients may send; bombs.

use super::*;
use crate::ws::{Message, client_fragment, frame, negotiate_deflate};
use flate2::Compression;
use proptest::collection::vec;
use proptest::prelude::*;

const KEY: [u8; 4] = [9, 8, 7, 6];

fn small() -> Deflater {
    Deflater::new(Deflate { min_bytes: 1, level: 6 })
}

/// A client's payload: its DEFLATE blocks without the tail of a flush.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(message.len() + 100);
    compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&FLUSHED));
    out.truncate(out.len() - FLUSHED.len());
    out
}

/// Blocks of which the last is marked as such.
fn finished(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(message.len() + 100);
    compress.compress_vec(message, &mut out, FlushCompress::Finish).unwrap();
    out
}

fn inflate(payload: &[u8], max: usize) -> Result<Vec<u8>, Error> {
    Inflater::new().inflate(payload, max).map(<[u8]>::to_vec)
}

/// A client's frame with RSV1.
fn compressed_frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    client_fragment(fin, opcode, payload, KEY, &mut out);
    out[0] |= RSV1;
    out
}

/// What a server makes of a client's bytes in pieces of this size: messages, and the error that ended it.
fn decode(bytes: &[u8], piece: usize, max: usize) -> (Vec<String>, Option<Error>) {
    let (mut decoder, mut inflater) = (crate::ws::Decoder::new(Role::Server), Inflater::new());
    let mut messages = Vec::new();
    for piece in bytes.to_vec().chunks_mut(piece) {
        let mut input = piece;
        loop {
            match decoder.decode_inflating(&mut input, max, Some(&mut inflater)) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    assert_eq!(decoder.held_bytes(), 0);
    (messages, None)
}

/// The same however the bytes are cut.
fn verdict(bytes: &[u8]) -> (Vec<String>, Option<Error>) {
    let whole = decode(bytes, usize::MAX, 1000);
    for piece in [1, 2, 7] {
        assert_eq!(decode(bytes, piece, 1000), whole);
    }
    whole
}

#[test]
fn the_examples_of_the_rfc() {
    // 7.2.3.1, 7.2.3.3 (not compressed), 7.2.3.4 (BFINAL), 7.2.3.5 (two blocks), and one byte of two fragments.
    for payload in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        // Without the byte that the RFC puts behind a last block.
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    ] {
        assert_eq!(inflate(payload, 5).as_deref(), Ok(&b"Hello"[..]), "{payload:x?}");
        assert_eq!(inflate(payload, 4), Err(Error::TooBig), "{payload:x?}");
        let hello = (vec!["Text(\"Hello\")".to_owned()], None);
        assert_eq!(verdict(&compressed_frame(true, Opcode::Text, payload)), hello);
        let (a, b) = payload.split_at(3);
        let mut fragments = compressed_frame(false, Opcode::Text, a);
        client_fragment(true, Opcode::Continuation, b, KEY, &mut fragments);
        assert_eq!(verdict(&fragments), hello);
    }
    // 7.2.3.6: an empty message; and one with nothing at all.
    assert_eq!(inflate(&[0], 0).as_deref(), Ok(&b""[..]));
    assert_eq!(inflate(&[], 0).as_deref(), Ok(&b""[..]));
}

#[test]
fn no_context_is_taken_over() {
    let mut inflater = Inflater::new();
    assert_eq!(inflater.inflate(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 100).as_deref(), Ok(&b"Hello"[..]));
    // 7.2.3.2: the same again, by reference to the message before.
    assert_eq!(inflater.inflate(&[0xf2, 0x00, 0x11, 0x00, 0x00], 100), Err(Error::NotDeflate));
    let (mut used, mut fresh) = (small(), small());
    let frames = |text: &str| {
        let mut out = Vec::new();
        frame(Opcode::Text, text.as_bytes(), &mut out);
        Bytes::from(out)
    };
    let (a, b) = ("abcdefgh ".repeat(300), "hgfedcba ".repeat(500));
    let _ = (used.frames(frames(&a)), used.frames(frames(&b)));
    assert_eq!(used.frames(frames(&a)), fresh.frames(frames(&a)), "the same bytes, whatever came before");
}

#[test]
fn what_is_not_deflate_is_refused() {
    let whole = deflated(&b"some text that is long enough ".repeat(20));
    for wrong in [
        &[0xff, 0xff][..],
        // Cut within a block; a block's kind that is none; a stored block that is shorter than it says.
        &whole[..whole.len() - 3],
        &[0x06],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c],
        // The tail of a flush that should have been taken away, and nothing before it.
        &[0x00, 0x00, 0xff, 0xff],
    ] {
        assert_eq!(inflate(wrong, 1000), Err(Error::NotDeflate), "{wrong:x?}");
        assert_eq!(verdict(&compressed_frame(true, Opcode::Binary, wrong)), (vec![], Some(Error::NotDeflate)));
    }
    assert_eq!(Error::NotDeflate.close_code().code(), 1007);
    assert_eq!(verdict(&compressed_frame(true, Opcode::Text, &deflated(b"\xff"))).1, Some(Error::NotUtf8));
}

#[test]
fn the_bit_stands_on_the_first_frame_of_a_message_and_nowhere_else() {
    let payload = deflated(b"Hello");
    for opcode in [Opcode::Ping, Opcode::Pong, Opcode::Close] {
        assert!(matches!(verdict(&compressed_frame(true, opcode, b"")).1, Some(Error::Protocol(_))));
    }
    let mut fragments = compressed_frame(false, Opcode::Text, &payload[..2]);
    fragments.extend(compressed_frame(true, Opcode::Continuation, &payload[2..]));
    assert!(matches!(verdict(&fragments).1, Some(Error::Protocol(_))));
    for bit in [0x10, 0x20, 0x30] {
        let mut other = compressed_frame(true, Opcode::Text, &payload);
        other[0] |= bit;
        assert_eq!(verdict(&other).1, Some(Error::Protocol("reserved bits are set")));
    }
    // Nobody agreed to it.
    let mut bytes = compressed_frame(true, Opcode::Text, &payload);
    let mut decoder = crate::ws::Decoder::new(Role::Server);
    let refused = decoder.decode(&mut &mut bytes[..], 1000);
    assert_eq!(refused, Err(Error::Protocol("reserved bits are set")));
}

#[test]
fn pings_and_plain_messages_stand_between() {
    let payload = deflated("κόσμε".as_bytes());
    let mut bytes = compressed_frame(false, Opcode::Text, &payload[..4]);
    client_fragment(true, Opcode::Ping, b"p", KEY, &mut bytes);
    client_fragment(false, Opcode::Continuation, b"", KEY, &mut bytes);
    client_fragment(true, Opcode::Continuation, &payload[4..], KEY, &mut bytes);
    client_fragment(true, Opcode::Text, b"plain", KEY, &mut bytes);
    bytes.extend(compressed_frame(true, Opcode::Binary, &deflated(b"\xff")));
    let expected = ["Ping([112])", "Text(\"κόσμε\")", "Text(\"plain\")", "Binary([255])"].map(String::from).to_vec();
    assert_eq!(verdict(&bytes), (expected, None));
}

#[test]
fn a_message_has_as_many_bytes_as_it_may_and_not_one_more() {
    for max in [1000usize, 1 << 20] {
        let bomb = |len: usize| compressed_frame(true, Opcode::Text, &deflated(&b"a".repeat(len)));
        for piece in [100_000_000, 5] {
            let (messages, error) = decode(&bomb(max), piece, max);
            assert_eq!((messages[0].len(), error), (max + "Text(\"\")".len(), None));
            assert_eq!(decode(&bomb(max + 1), piece, max), (vec![], Some(Error::TooBig)));
        }
    }
    // A thousand times as much as it may have costs no more than what it may have.
    let mut inflater = Inflater::new();
    assert_eq!(inflater.inflate(&deflated(&vec![0; 64 << 20]), 64 << 10), Err(Error::TooBig));
    assert!(inflater.out.capacity() <= (64 << 10) + 1, "{}", inflater.out.capacity());
    inflater.rest();
    // What does not shrink may have a little more when it comes than when it is read.
    let stored: Vec<u8> = [&[0, 0xe8, 0x03, 0x17, 0xfc][..], &[7; 1000], &[0]].concat();
    let (messages, error) = decode(&compressed_frame(true, Opcode::Binary, &stored), usize::MAX, 1000);
    assert_eq!((messages.len(), error), (1, None));
    // But a head that promises more than that is refused at once, and so are fragments.
    let head = &compressed_frame(true, Opcode::Binary, &[0; 2000])[..8];
    assert_eq!(decode(head, usize::MAX, 1000).1, Some(Error::TooBig));
    let mut fragments = compressed_frame(false, Opcode::Binary, &[0; 1000]);
    client_fragment(true, Opcode::Continuation, &[0; 200], KEY, &mut fragments);
    assert_eq!(decode(&fragments, usize::MAX, 1000).1, Some(Error::TooBig));
}

#[test]
fn blocks_marked_as_last_begin_anew_but_not_without_end() {
    let two = [finished(b"ab"), finished(b"cd")].concat();
    assert_eq!(inflate(&two, 4).as_deref(), Ok(&b"abcd"[..]));
    assert_eq!(inflate(&[two, deflated(b"ef")].concat(), 6).as_deref(), Ok(&b"abcdef"[..]));
    assert_eq!(inflate(&[3, 0].repeat(9), 10).as_deref(), Ok(&b""[..]));
    assert_eq!(inflate(&[3, 0].repeat(10_000), 10), Err(Error::NotDeflate));
}

#[test]
fn what_is_small_or_would_grow_is_sent_as_it_is() {
    let frames = |payloads: &[&[u8]]| {
        let mut out = Vec::new();
        payloads.iter().for_each(|payload| frame(Opcode::Text, payload, &mut out));
        Bytes::from(out)
    };
    let mut deflater = Deflater::new(Deflate { min_bytes: 100, level: 1 });
    let plain = frames(&[&[b'a'; 99]]);
    assert_eq!(deflater.frames(plain.clone()), plain);
    assert_eq!(deflater.counters().compressions, 0, "one byte too small");
    assert!(deflater.frames(frames(&[&[b'a'; 100]])).len() < 20);
    // Every byte once, in an order without a rule.
    let noise: Vec<u8> = (0..=255u8).map(|i| i.wrapping_mul(i).wrapping_add(i.wrapping_mul(167))).collect();
    let same = frames(&[&noise]);
    assert_eq!(deflater.frames(same.clone()), same);
    let DeflateCounters { compressions, bytes, compressed_bytes } = deflater.counters();
    assert_eq!((compressions, bytes), (2, 356));
    assert!((256..276).contains(&compressed_bytes), "{compressed_bytes}");
    // Of several frames those that gain; control frames never.
    let mut several = frames(&[b"small", &[b'b'; 5000]]).to_vec();
    crate::ws::ping(&[b'p'; 125], &mut several);
    several.extend_from_slice(&frames(&[&noise]));
    let sent = deflater.frames(several.into());
    assert_eq!(&sent[..7], b"\x81\x05small");
    assert!(sent[7] == 0xc1 && sent.ends_with(&noise));
    let ping_at = 7 + 2 + usize::from(sent[8]);
    assert_eq!(sent[ping_at..ping_at + 2], [0x89, 125]);
}

#[test]
fn the_same_frames_are_compressed_once() {
    let mut deflater = small();
    let text = "what everybody hears ".repeat(100);
    let mut out = Vec::new();
    frame(Opcode::Text, text.as_bytes(), &mut out);
    let all: Vec<Bytes> = (0..50).map(|_| deflater.frames(Bytes::copy_from_slice(&out))).collect();
    assert!(all.iter().all(|one| one.as_ptr() == all[0].as_ptr()), "shared");
    assert_eq!(deflater.counters().compressions, 1);
    deflater.forget();
    assert_eq!(deflater.frames(out.into()), all[0]);
    assert_eq!(deflater.counters().compressions, 2);
}

#[test]
fn what_is_agreed_to_is_what_is_done() {
    let answer = negotiate_deflate([&b"permessage-deflate"[..]].into_iter()).unwrap().unwrap();
    assert!(answer.contains("server_no_context_takeover") && answer.contains("client_no_context_takeover"));
}

/// Texts as they are sent: some noise, some repetition.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let words = proptest::sample::select(vec!["{\"price\":", "1.25,", "\"symbol\":\"ACME\"", "é", " ", "}"]);
    prop_oneof![
        vec(any::<u8>(), 0..300),
        vec(words, 0..2000).prop_map(|words| words.concat().into_bytes()),
        (any::<u8>(), 0..200_000usize).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn frames_read_back_are_the_frames(payloads in vec(payload(), 1..4), level in 1..=9u32, min_bytes in 1..2000usize) {
        let mut plain = Vec::new();
        payloads.iter().for_each(|payload| frame(Opcode::Binary, payload, &mut plain));
        let mut sent = Deflater::new(Deflate { min_bytes, level }).frames(plain.clone().into()).to_vec();
        prop_assert!(sent.len() <= plain.len());
        let (mut decoder, mut inflater) = (crate::ws::Decoder::new(Role::Client), Inflater::new());
        let (mut input, mut read) = (&mut sent[..], Vec::new());
        while let Some(message) = decoder.decode_inflating(&mut input, 1 << 20, Some(&mut inflater)).unwrap() {
            let Message::Binary(bytes) = message else { panic!("binary frames") };
            read.push(bytes.to_vec());
        }
        prop_assert_eq!(read, payloads);
    }

    #[test]
    fn messages_of_clients_are_read_however_they_are_cut(
        message in payload(), cuts in vec(any::<prop::sample::Index>(), 0..4), piece in 1..5000usize, last in any::<bool>()
    ) {
        let payload = if last { finished(&message) } else { deflated(&message) };
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        at.extend([0, payload.len()]);
        at.sort_unstable();
        let mut bytes = Vec::new();
        for (number, range) in at.windows(2).enumerate() {
            let opcode = if number == 0 { Opcode::Binary } else { Opcode::Continuation };
            let begin = bytes.len();
            client_fragment(number + 2 == at.len(), opcode, &payload[range[0]..range[1]], KEY, &mut bytes);
            bytes[begin] |= if number == 0 { RSV1 } else { 0 };
        }
        let expected = vec![format!("{:?}", Message::Binary(&message))];
        prop_assert_eq!(decode(&bytes, piece, message.len()), (expected, None));
        if !message.is_empty() {
            prop_assert_eq!(decode(&bytes, piece, message.len() - 1).1, Some(Error::TooBig));
        }
    }

    #[test]
    fn no_payload_panics_or_gives_more_than_it_may(payload in vec(any::<u8>(), 0..200), max in 0..2000usize) {
        let mut inflater = Inflater::new();
        if let Ok(message) = inflater.inflate(&payload, max) {
            prop_assert!(message.len() <= max);
        }
        prop_assert_eq!(inflater.inflate(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 5), Ok(&b"Hello"[..]));
    }
}
