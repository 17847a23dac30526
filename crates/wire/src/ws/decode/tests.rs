//! The decoder against every way a stream of frames can be cut, and against what RFC 6455 forbids.

use super::*;
use crate::ws::{client_fragment, client_frame, frame};
use proptest::collection::vec;
use proptest::prelude::*;

const MAX: usize = 1 << 20;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A message with nothing borrowed.
#[derive(Clone, PartialEq, Debug)]
enum Owned {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Owned {
    fn of(message: Message<'_>) -> Owned {
        match message {
            Message::Text(text) => Owned::Text(text.to_owned()),
            Message::Binary(bytes) => Owned::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Owned::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Owned::Pong(bytes.to_vec()),
            Message::Close { code, reason } => Owned::Close(code, reason.to_owned()),
        }
    }

    fn opcode(&self) -> Opcode {
        match self {
            Owned::Text(_) => Opcode::Text,
            Owned::Binary(_) => Opcode::Binary,
            Owned::Ping(_) => Opcode::Ping,
            Owned::Pong(_) => Opcode::Pong,
            Owned::Close(..) => Opcode::Close,
        }
    }

    fn payload(&self) -> &[u8] {
        match self {
            Owned::Text(text) => text.as_bytes(),
            Owned::Binary(bytes) | Owned::Ping(bytes) | Owned::Pong(bytes) => bytes,
            Owned::Close(..) => b"",
        }
    }
}

/// What comes out when the bytes come in pieces of these sizes, over and over; and the error if one ended it.
fn decode(decoder: &mut Decoder, bytes: &[u8], sizes: &[usize], max: usize) -> (Vec<Owned>, Option<Error>) {
    let mut messages = Vec::new();
    let mut rest = bytes;
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        let mut scratch = piece.to_vec();
        let mut input = &mut scratch[..];
        loop {
            match decoder.decode(&mut input, max) {
                Ok(Some(message)) => messages.push(Owned::of(message)),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (messages, None)
}

/// The verdict on bytes, the same whether they come at once or one by one.
fn verdict(bytes: &[u8]) -> (Vec<Owned>, Option<Error>) {
    let whole = decode(&mut Decoder::new(Role::Server), bytes, &[usize::MAX], MAX);
    assert_eq!(decode(&mut Decoder::new(Role::Server), bytes, &[1], MAX), whole);
    whole
}

fn refused(bytes: &[u8]) -> Error {
    let (messages, error) = verdict(bytes);
    assert_eq!(messages, []);
    error.expect("the bytes are refused")
}

/// Frames of a client: last fragment or not, opcode, payload.
fn frames(frames: &[(bool, Opcode, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for &(fin, opcode, payload) in frames {
        client_fragment(fin, opcode, payload, KEY, &mut out);
    }
    out
}

#[test]
fn an_idle_connection_holds_nothing() {
    assert!(size_of::<Decoder>() <= 16);
    let mut decoder = Decoder::new(Role::Server);
    let bytes = frames(&[(false, Opcode::Text, b"a"), (true, Opcode::Ping, b"p"), (true, Opcode::Continuation, b"b")]);
    for size in 1..=bytes.len() {
        let (messages, _) = decode(&mut decoder, &bytes, &[size], MAX);
        assert_eq!(messages, [Owned::Ping(b"p".to_vec()), Owned::Text("ab".to_owned())]);
        assert!(decoder.partial.is_none() && !decoder.is_mid_frame() && decoder.held_bytes() == 0);
    }
}

#[test]
fn a_whole_message_is_a_slice_of_the_input() {
    let mut bytes = frames(&[(true, Opcode::Text, b"hello"), (true, Opcode::Binary, b"bytes")]);
    let range = bytes.as_ptr_range();
    let mut decoder = Decoder::new(Role::Server);
    let mut input = &mut bytes[..];
    let Ok(Some(Message::Text(text))) = decoder.decode(&mut input, MAX) else { panic!("a text") };
    assert!(range.contains(&text.as_ptr()));
    let Ok(Some(Message::Binary(bytes))) = decoder.decode(&mut input, MAX) else { panic!("bytes") };
    assert!(range.contains(&bytes.as_ptr()));
    assert!(decoder.partial.is_none());
}

#[test]
fn half_a_frame_is_seen_and_counted() {
    let mut decoder = Decoder::new(Role::Server);
    let bytes = frames(&[(false, Opcode::Text, b"abc"), (true, Opcode::Continuation, b"def")]);
    let seen: Vec<(bool, usize)> = bytes
        .iter()
        .map(|&byte| {
            decode(&mut decoder, &[byte], &[1], MAX);
            (decoder.is_mid_frame(), decoder.held_bytes())
        })
        .collect();
    let mid = |held| (true, held);
    let mut expected = vec![mid(0), mid(0), mid(0), mid(0), mid(0), mid(0), mid(1), mid(2), (false, 3)];
    expected.extend([mid(3), mid(3), mid(3), mid(3), mid(3), mid(3), mid(4), mid(5), (false, 0)]);
    assert_eq!(seen, expected);
}

#[test]
fn a_message_of_empty_fragments_has_begun_until_it_ends() {
    let mut decoder = Decoder::new(Role::Server);
    for (fragment, is_mid) in [
        ((false, Opcode::Text, b""), true),
        ((false, Opcode::Continuation, b""), true),
        ((true, Opcode::Ping, b""), true),
        ((true, Opcode::Continuation, b""), false),
    ] {
        let (fin, opcode, payload) = fragment;
        decode(&mut decoder, &frames(&[(fin, opcode, payload)]), &[usize::MAX], MAX);
        assert_eq!(decoder.is_mid_message(), is_mid, "{opcode:?}");
    }
}

#[test]
fn a_big_message_in_small_pieces_takes_its_own_size() {
    let payload = "0123456789abcde\n".repeat(1 << 20);
    let mut bytes = Vec::new();
    client_frame(Opcode::Text, payload.as_bytes(), KEY, &mut bytes);
    let mut decoder = Decoder::new(Role::Server);
    let (last, most) = bytes.split_last().unwrap();
    assert_eq!(decode(&mut decoder, most, &[1448], 16 << 20), (vec![], None));
    let Some(Gathered::Text(text)) = &decoder.partial.as_ref().unwrap().message else { panic!("a text") };
    assert!(text.capacity() <= payload.len() + 1448, "{}", text.capacity());
    assert_eq!(decode(&mut decoder, &[*last], &[1], 16 << 20), (vec![Owned::Text(payload)], None));
}

#[test]
fn a_promise_takes_no_memory() {
    let mut decoder = Decoder::new(Role::Server);
    let mut bytes = Vec::new();
    client_frame(Opcode::Binary, &vec![7; 1 << 20], KEY, &mut bytes);
    decode(&mut decoder, &bytes[..100], &[100], MAX);
    let Some(Gathered::Binary(held)) = &decoder.partial.as_ref().unwrap().message else { panic!("bytes") };
    assert!(held.capacity() <= 256, "{}", held.capacity());
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_head() {
    let check = |bytes: &[u8], sizes: &[usize]| decode(&mut Decoder::new(Role::Server), bytes, sizes, 1000).1;
    let mut at = Vec::new();
    client_frame(Opcode::Binary, &[0; 1000], KEY, &mut at);
    assert_eq!(check(&at, &[usize::MAX]), None);
    assert_eq!(check(&at, &[7]), None);
    // The head alone decides, even of 2^63-1 bytes.
    assert_eq!(check(&[0x82, 0xfe, 0x03, 0xe9], &[1]), None);
    assert_eq!(check(&[0x82, 0xfe, 0x03, 0xe9, 1, 2, 3, 4], &[1]), Some(Error::TooBig));
    let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    assert_eq!(check(&huge, &[100]), Some(Error::TooBig));
    // All fragments together.
    let half = [1; 500];
    let fragments = frames(&[(false, Opcode::Binary, &half), (false, Opcode::Continuation, &half)]);
    assert_eq!(check(&[&fragments[..], &frames(&[(true, Opcode::Continuation, b"")])].concat(), &[100]), None);
    assert_eq!(
        check(&[&fragments[..], &frames(&[(true, Opcode::Continuation, b"x")])].concat(), &[100]),
        Some(Error::TooBig)
    );
    assert_eq!(Error::TooBig.close_code(), CloseCode::TooBig);
}

#[test]
fn what_breaks_the_protocol_is_refused() {
    let text = |s: &'static [u8]| (true, Opcode::Text, s);
    let mut unmasked = Vec::new();
    frame(Opcode::Text, b"hi", &mut unmasked);
    let mut cases = vec![unmasked, vec![0x88, 0x00], vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]];
    // Reserved bits; reserved opcodes; control frames that are fragmented or too long.
    cases.extend([0xc1, 0xa1, 0x91, 0xf1, 0x83, 0x87, 0x8b, 0x8f, 0x03, 0x08, 0x09, 0x0a].map(|b| vec![b]));
    cases.extend([0x88, 0x89, 0x8a].map(|b| vec![b, 0xfe]));
    // Bad fragmentation.
    cases.push(frames(&[(true, Opcode::Continuation, b"")]));
    cases.push(frames(&[(false, Opcode::Continuation, b"a")]));
    cases.push(frames(&[(false, Opcode::Text, b"a"), text(b"b")]));
    cases.push(frames(&[(false, Opcode::Text, b""), (false, Opcode::Binary, b"b")]));
    for bytes in cases {
        let error = refused(&bytes);
        assert!(matches!(error, Error::Protocol(_)), "{bytes:x?}: {error}");
        assert_eq!(error.close_code(), CloseCode::Protocol);
        assert!(error.to_string().len() < 124);
    }
    assert!(matches!(verdict(&frames(&[text(b"a"), (true, Opcode::Continuation, b"b")])).1, Some(Error::Protocol(_))));
}

#[test]
fn a_client_refuses_masked_frames() {
    let mut bytes = Vec::new();
    frame(Opcode::Text, "grüß".as_bytes(), &mut bytes);
    let whole = decode(&mut Decoder::new(Role::Client), &bytes, &[3], MAX);
    assert_eq!(whole, (vec![Owned::Text("grüß".to_owned())], None));
    let masked = frames(&[(true, Opcode::Text, b"a")]);
    let (_, error) = decode(&mut Decoder::new(Role::Client), &masked, &[3], MAX);
    assert!(matches!(error, Some(Error::Protocol(_))));
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    for bad in
        [&b"\xff"[..], b"ok\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", "€".as_bytes()[..2].as_ref()]
    {
        assert_eq!(refused(&frames(&[(true, Opcode::Text, bad)])), Error::NotUtf8, "{bad:x?}");
        let halves = [(false, Opcode::Text, &bad[..1]), (true, Opcode::Continuation, &bad[1..])];
        assert_eq!(refused(&frames(&halves)), Error::NotUtf8, "{bad:x?}");
    }
    // In the middle of a message, before its end has come.
    assert_eq!(refused(&frames(&[(false, Opcode::Text, b"a\xff")])), Error::NotUtf8);
    let split = frames(&[(false, Opcode::Text, b"\xe2\x82"), (true, Opcode::Continuation, b"\xac")]);
    assert_eq!(verdict(&split), (vec![Owned::Text("€".to_owned())], None));
    assert_eq!(Error::NotUtf8.close_code(), CloseCode::InvalidPayload);
}

#[test]
fn close_frames_are_judged() {
    let close = |payload: &[u8]| verdict(&frames(&[(true, Opcode::Close, payload)]));
    let reason = |code: u16, reason: &str| [&code.to_be_bytes()[..], reason.as_bytes()].concat();
    assert_eq!(close(b""), (vec![Owned::Close(None, String::new())], None));
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
        assert_eq!(close(&reason(code, "bye")), (vec![Owned::Close(Some(code), "bye".to_owned())], None));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        assert!(matches!(close(&reason(code, "")).1, Some(Error::Protocol(_))), "{code}");
    }
    assert!(matches!(close(b"\x03").1, Some(Error::Protocol(_))));
    assert_eq!(close(b"\x03\xe8\xff").1, Some(Error::NotUtf8));
}

#[test]
fn nothing_comes_after_a_close_frame_or_an_error() {
    for last in [frames(&[(true, Opcode::Close, b"\x03\xe8")]), vec![0xff], frames(&[(true, Opcode::Close, b"x")])] {
        for size in [1, 3, 100] {
            let mut decoder = Decoder::new(Role::Server);
            let open = frames(&[(false, Opcode::Text, b"half")]);
            decode(&mut decoder, &open, &[size], MAX);
            decode(&mut decoder, &last, &[size], MAX);
            let more = frames(&[(true, Opcode::Ping, b"")]);
            assert_eq!(decode(&mut decoder, &more, &[size], MAX), (vec![], None));
            assert!(decoder.partial.is_none());
        }
    }
}

fn message() -> impl Strategy<Value = Owned> {
    let control = || vec(any::<u8>(), 0..=125);
    prop_oneof![
        4 => ".{0,80}".prop_map(Owned::Text),
        1 => "[a-zß€😀]{100,300}".prop_map(Owned::Text),
        2 => vec(any::<u8>(), 0..400).prop_map(Owned::Binary),
        1 => control().prop_map(Owned::Ping),
        1 => control().prop_map(Owned::Pong),
    ]
}

/// A message's frames, cut at these places, each followed by a ping if its flag says so. The messages to expect.
fn fragment(message: Owned, cuts: &[(usize, bool)], mask: [u8; 4], out: &mut Vec<u8>) -> Vec<Owned> {
    let (opcode, payload) = (message.opcode(), message.payload().to_vec());
    if opcode.is_control() {
        client_frame(opcode, &payload, mask, out);
        return vec![message];
    }
    let mut expected = Vec::new();
    let mut rest = &payload[..];
    let mut opcode = opcode;
    for &(cut, ping) in cuts {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        client_fragment(false, opcode, piece, mask, out);
        (rest, opcode) = (after, Opcode::Continuation);
        if ping {
            client_frame(Opcode::Ping, b"between", mask, out);
            expected.push(Owned::Ping(b"between".to_vec()));
        }
    }
    client_fragment(true, opcode, rest, mask, out);
    expected.push(message);
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_fragmentation_in_any_pieces_gives_the_same_messages(
        messages in vec((message(), vec((0usize..100, any::<bool>()), 0..4), any::<[u8; 4]>()), 0..6),
        sizes in vec(1usize..200, 1..10),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for (message, cuts, mask) in messages {
            expected.extend(fragment(message, &cuts, mask, &mut bytes));
        }
        for sizes in [&sizes[..], &[usize::MAX], &[1]] {
            let mut decoder = Decoder::new(Role::Server);
            prop_assert_eq!(&decode(&mut decoder, &bytes, sizes, MAX), &(expected.clone(), None));
            prop_assert!(decoder.partial.is_none());
        }
    }

    #[test]
    fn broken_streams_break_alike_in_any_pieces(
        messages in vec((message(), vec((0usize..50, any::<bool>()), 0..3)), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        sizes in vec(1usize..100, 1..10),
        max in 50usize..500,
    ) {
        let mut bytes = Vec::new();
        for (message, cuts) in messages {
            fragment(message, &cuts, [0; 4], &mut bytes);
        }
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = decode(&mut Decoder::new(Role::Server), &bytes, &[usize::MAX], max);
        prop_assert_eq!(&decode(&mut Decoder::new(Role::Server), &bytes, &sizes, max), &whole);
        prop_assert_eq!(&decode(&mut Decoder::new(Role::Server), &bytes, &[1], max), &whole);
    }
}
