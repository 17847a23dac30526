//! A bounded, seeded share of fuzzing for every test run: nothing a client sends may panic a decoder, and what an encoder
//! writes its decoder reads. The long runs are in `fuzz/`, on the same functions.

use bytes::{Bytes, BytesMut};
use model::{FeedEvent, FeedId, Format, Value};
use wire::resp::{ReplyDecoder, ReplyLimits, RequestDecoder, RequestLimits};
use wire::ws::{self, Decoder, Inflater, Message, Opcode, Role};
use wire::{http, line, native};

/// SplitMix64: the same bytes for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn bytes(&mut self, max: usize) -> Vec<u8> {
        (0..self.below(max + 1)).map(|_| self.next() as u8).collect()
    }

    /// One of the texts with a few bytes changed, taken out, doubled or put in.
    fn mutated(&mut self, texts: &[&str]) -> Vec<u8> {
        const PIECES: [&[u8]; 10] =
            [b"\"", b"{", b"}", b"[", b"]", b",", b"\\ud83d", b"\\", b"\xff", b"\"$base64\":\"YQ==\""];
        let mut bytes = texts[self.below(texts.len())].as_bytes().to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] = self.next() as u8,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                3 => bytes.extend_from_within(at..),
                _ => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
            }
        }
        bytes
    }
}

const REQUESTS: [&str; 9] = [
    r#"{"id":1,"command":["SET","key",1.5,{"$base64":"/w=="},"\u00e9\n"]}"#,
    r#"{"id":2,"commands":[["INCR","a"],["GET","b"]],"atomic":true}"#,
    r#"{"id":3,"live":["ZRANGE","z",0,9,"REV"],"every":50,"json":true,"have":"abcdefghijklmnop"}"#,
    r#"{"id":4,"follow":"s","from":"17-3"}"#,
    r#"[{"id":5,"ping":{"a":[1,2,[3]]}},{"id":6,"close":7},{"id":7,"auth":"t"}]"#,
    r#"["GET","key"]"#,
    r#"[["GET","a"],["SET","b",{"$base64":"YQ"}]]"#,
    r#"SET k "a\x41\n" 'b\'c'"#,
    r#"{"id":8,"subscribe":"c"}"#,
];

#[test]
fn no_text_panics_a_decoder() {
    let mut random = Random(1);
    for round in 0..30_000 {
        let bytes = if round % 4 == 0 { random.bytes(64) } else { random.mutated(&REQUESTS) };
        let _ = http::decode(&bytes, 3);
        let _ = line::command(&bytes);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            assert!(!native::decode(text, 3).is_empty());
        }
    }
}

#[test]
fn no_bytes_panic_the_websocket_decoder() {
    let (mut random, mut inflater) = (Random(2), Inflater::new());
    for round in 0..20_000 {
        let mut bytes = if round % 2 == 0 { random.bytes(64) } else { stream(&mut random, round % 8 >= 4) };
        for _ in 0..random.below(3) {
            let at = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        let mut decoder = Decoder::new(if round % 8 == 7 { Role::Client } else { Role::Server });
        let mut rest = &mut bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at_mut(1 + random.below(rest.len()));
            rest = after;
            match round % 8 {
                0..4 => drain(&mut decoder, piece, 100),
                _ => drain_inflating(&mut decoder, piece, 100, &mut inflater),
            };
        }
        assert!(decoder.held_bytes() <= 100 + 100 / 8 + 64 + ws::CONTROL_PAYLOAD_MAX);
    }
}

/// A valid beginning of a stream.
fn stream(random: &mut Random, deflates: bool) -> Vec<u8> {
    const OPCODES: [Opcode; 6] =
        [Opcode::Text, Opcode::Binary, Opcode::Continuation, Opcode::Ping, Opcode::Pong, Opcode::Close];
    let mut out = Vec::new();
    for _ in 0..1 + random.below(4) {
        let opcode = OPCODES[random.below(OPCODES.len())];
        let mask = (random.next() as u32).to_be_bytes();
        let payload = if opcode == Opcode::Text { random.mutated(&REQUESTS) } else { random.bytes(130) };
        let begin = out.len();
        ws::client_fragment(random.below(3) > 0, opcode, &payload, mask, &mut out);
        // Half of them say that they are compressed; few are.
        out[begin] |= if deflates && random.below(2) == 0 { 0x40 } else { 0 };
    }
    out
}

/// Decodes the input to its end or to an error; how many messages there were.
fn drain(decoder: &mut Decoder, mut input: &mut [u8], max: usize) -> usize {
    let mut messages = 0;
    while let Ok(Some(_)) = decoder.decode(&mut input, max) {
        messages += 1;
    }
    messages
}

/// The same where messages may come compressed.
fn drain_inflating(decoder: &mut Decoder, mut input: &mut [u8], max: usize, inflater: &mut Inflater) -> usize {
    let mut messages = 0;
    while let Ok(Some(_)) = decoder.decode_inflating(&mut input, max, Some(inflater)) {
        messages += 1;
    }
    messages
}

const RESP: [&str; 12] = [
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
    "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    "PING\r\nSET k \"a\\x41\" 'b'\r\n\r\nGET k\n",
    ">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nkey\r\n+OK\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n#t\r\n_\r\n",
    "*3\r\n,1.5\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n",
    "|1\r\n+ttl\r\n:5\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n",
    "!5\r\nERR a\r\n-ERR b\r\n",
    "$80\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n+PONG\r\n",
    "*-1\r\n$-1\r\n*0\r\n%0\r\n",
    "*1000000000000\r\n$1000000000000\r\nabc",
];

/// Whatever comes, it decodes alike in one piece and byte by byte, and holds no more than its limits.
#[test]
fn no_bytes_panic_the_resp_decoders() {
    let mut random = Random(5);
    for round in 0..15_000 {
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..1 + random.below(3) {
            bytes.extend(if round % 8 == 0 { random.bytes(40) } else { random.mutated(&RESP) });
        }
        let max = random.below(256);
        assert_eq!(resp_replies(&bytes, usize::MAX, max), resp_replies(&bytes, 1, max), "{}", bytes.escape_ascii());
        assert_eq!(resp_requests(&bytes, usize::MAX, max), resp_requests(&bytes, 1, max), "{}", bytes.escape_ascii());
    }
}

fn resp_replies(bytes: &[u8], piece: usize, max: usize) -> Vec<String> {
    let mut decoder = ReplyDecoder::new(ReplyLimits { frame_bytes_max: max as u64, elements_max: 50, depth_max: 5 });
    resp_decode(bytes, piece, |input| {
        let frame = decoder.decode(input);
        assert!(decoder.held_bytes() <= max * 12 + 10_000);
        frame.map(|frame| frame.map(|frame| format!("{frame:?}"))).map_err(|error| error.to_string())
    })
}

fn resp_requests(bytes: &[u8], piece: usize, max: usize) -> Vec<String> {
    let limits =
        RequestLimits { bulk_bytes_max: max, elements_max: max, line_bytes_max: max + 32, request_bytes_max: max * 2 };
    let mut decoder = RequestDecoder::new(limits);
    resp_decode(bytes, piece, |input| {
        let request = decoder.decode(input);
        assert!(decoder.held_bytes() <= max * 50 + 10_000);
        request.map(|request| request.map(|request| format!("{request:?}"))).map_err(|error| error.to_string())
    })
}

/// What was decoded, and the error that ended it.
fn resp_decode(
    bytes: &[u8],
    piece: usize,
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<String>, String>,
) -> Vec<String> {
    let (mut input, mut found) = (BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        loop {
            match next(&mut input) {
                Ok(Some(text)) => found.push(text),
                Ok(None) => break,
                Err(error) => {
                    found.push(error);
                    return found;
                }
            }
        }
    }
    found
}

#[test]
fn what_is_encoded_is_decoded() {
    let mut random = Random(3);
    for _ in 0..3_000 {
        let payload = random.bytes(300);
        let mut out = Vec::new();
        let event = FeedEvent::Message(Bytes::from(payload.clone()));
        let _ = wire::encode_event(Format::Native, FeedId(random.next()), &event, &mut out);
        let mut input = &mut out[..];
        let mut decoder = Decoder::new(Role::Client);
        let Ok(Some(Message::Text(text))) = decoder.decode(&mut input, 1 << 20) else { panic!("one text frame") };
        let frame: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read_bytes(&frame["message"]), payload);
        // The same message as an argument of a command comes back as it was.
        let request = format!(r#"{{"id":1,"command":["ECHO",{}]}}"#, frame["message"]);
        let decoded = native::decode(&request, 1);
        let Ok(model::Request { verb: model::Verb::Command(args), .. }) = &decoded[0] else { panic!("{decoded:?}") };
        assert_eq!(args[1], payload);
    }
}

/// The bytes that the protocol's JSON stands for.
fn read_bytes(json: &serde_json::Value) -> Vec<u8> {
    let base64 = || {
        let decoded = native::decode(&format!(r#"{{"command":[{json}]}}"#), 1);
        match &decoded[0] {
            Ok(model::Request { verb: model::Verb::Command(args), .. }) => args[0].to_vec(),
            other => panic!("{other:?}"),
        }
    };
    json.as_str().map_or_else(base64, |text| text.as_bytes().to_vec())
}

#[test]
fn every_value_is_json() {
    let mut random = Random(4);
    for _ in 0..3_000 {
        let value = value(&mut random, 4);
        let mut out = Vec::new();
        wire::json::write(&value, &mut out);
        let read: Result<serde_json::Value, _> = serde_json::from_slice(&out);
        assert!(read.is_ok(), "{value:?}: {}", String::from_utf8_lossy(&out));
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    let many = |random: &mut Random| random.below(if depth == 0 { 1 } else { 4 });
    match random.below(11) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => Value::Int(random.next() as i64 >> 11),
        3 => {
            let double = f64::from_bits(random.next());
            if double.is_finite() { Value::Double(double) } else { Value::NonFinite(double) }
        }
        4 | 5 => Value::from_bytes(random.bytes(20).into()),
        6 => Value::BigInt(random.next().to_string().into()),
        7 => Value::Error(random.bytes(20).into()),
        8 => Value::Array((0..many(random)).map(|_| value(random, depth - 1)).collect()),
        _ => Value::from_pairs(
            (0..many(random))
                .map(|_| (Value::from_bytes(random.bytes(3).into()), value(random, depth.saturating_sub(1))))
                .collect(),
        ),
    }
}
