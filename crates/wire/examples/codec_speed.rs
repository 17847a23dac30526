//! How long the hot paths take on this machine: `cargo run --release -p wire --example codec_speed`.
//!
//! The least of nine rounds each, in nanoseconds; no statistics beyond that.

#![allow(clippy::disallowed_methods, reason = "measures time; nothing of the crate does")]

use bytes::Bytes;
use model::{FeedEvent, FeedId, Format, Response, Value};
use std::hint::black_box;
use std::time::Instant;
use wire::ws::{self, Decoder, Deflate, Deflater, Inflater, Opcode, Role};

const ROUNDS: usize = 9;
const TIMES: u32 = 200_000;

fn main() {
    let publish = format!(r#"{{"id":12,"command":["PUBLISH","ch","{}"]}}"#, "x".repeat(128));
    measure("native::decode of PUBLISH, 128 bytes", TIMES, || {
        black_box(wire::native::decode(black_box(&publish), 1000));
    });
    let get = r#"{"id":12,"command":["GET","key"]}"#;
    measure("native::decode of GET", TIMES, || {
        black_box(wire::native::decode(black_box(get), 1000));
    });
    ws_decode(publish.as_bytes());
    encode(128);
    encode(1024);
    let mut out = Vec::new();
    let result = Response::Result { id: 12, value: Value::Int(1000) };
    measure("encode_response of an integer", TIMES, || {
        out.clear();
        let _ = black_box(wire::encode_response(Format::Native, black_box(&result), &mut out));
    });
    [1, 2, 3, 4, 6, 9].into_iter().for_each(deflate);
    inflate();
    big_message();
}

fn ws_decode(text: &[u8]) {
    let mut frame = Vec::new();
    ws::client_frame(Opcode::Text, text, [0; 4], &mut frame);
    let masked = frame.len() - text.len() - 4;
    frame[masked..masked + 4].copy_from_slice(&[1, 2, 3, 4]);
    let mut decoder = Decoder::new(Role::Server);
    measure("ws::Decoder, that frame", TIMES, || {
        // The payload is masked anew by each round; ASCII below 0x80 stays below 0x80 under this mask.
        let mut input = black_box(&mut frame[..]);
        while let Ok(Some(message)) = decoder.decode(&mut input, 1 << 20) {
            black_box(message);
        }
    });
}

fn encode(len: usize) {
    let event = FeedEvent::Message(Bytes::from("m".repeat(len)));
    let mut out = Vec::new();
    measure(&format!("encode_event of a message, {len} bytes"), TIMES, || {
        out.clear();
        let _ = black_box(wire::encode_event(Format::Native, FeedId(17), black_box(&event), &mut out));
    });
}

/// Some 8 KB of JSON: names that repeat, figures that do not.
fn table() -> Vec<u8> {
    let figure = |i: u32| i.wrapping_mul(2_654_435_761) >> 8;
    let row = |i| {
        let (bid, volume) = (f64::from(figure(i)) / 1e4, figure(i + 9000) >> 4);
        format!(r#"{{"symbol":"SYM{i}","bid":{bid},"ask":{},"volume":{volume},"open":true}}"#, bid + 0.01)
    };
    let rows: Vec<String> = (0..90).map(row).collect();
    format!("[{}]", rows.join(",")).into_bytes()
}

fn deflate(level: u32) {
    let mut plain = Vec::new();
    ws::frame(Opcode::Text, &table(), &mut plain);
    let plain = Bytes::from(plain);
    let mut deflater = Deflater::new(Deflate { min_bytes: 1024, level });
    let mut compressed = 0;
    let name = format!("Deflater, a frame of {} bytes, level {level}", plain.len());
    measure(&name, 2000, || {
        deflater.forget();
        compressed = black_box(deflater.frames(plain.clone())).len();
    });
    println!("{:<52} {compressed:>10} bytes", "");
}

fn inflate() {
    let mut plain = Vec::new();
    ws::frame(Opcode::Text, &table(), &mut plain);
    let mut frame = Deflater::new(Deflate::default()).frames(plain.into()).to_vec();
    let (mut decoder, mut inflater) = (Decoder::new(Role::Client), Inflater::new());
    measure("ws::Decoder, that frame", 2000, || {
        let mut input = black_box(&mut frame[..]);
        while let Ok(Some(message)) = decoder.decode_inflating(&mut input, 1 << 20, Some(&mut inflater)) {
            black_box(message);
        }
    });
    for bomb in [[3, 0].repeat(1 << 14), vec![0; 1 << 15]] {
        measure(&format!("Inflater, {} bytes that are no message", bomb.len()), 20, || {
            let _ = black_box(inflater.inflate(black_box(&bomb), 1 << 20));
        });
    }
}

/// 16 MiB of text in pieces of 64 KiB.
fn big_message() {
    let mut frame = Vec::new();
    ws::client_frame(Opcode::Text, &vec![b'a'; 16 << 20], [1, 2, 3, 4], &mut frame);
    let mut scratch = vec![0; 64 << 10];
    let mut decoder = Decoder::new(Role::Server);
    measure("ws::Decoder, a text of 16 MiB in pieces of 64 KiB", 1, || {
        for piece in frame.chunks(scratch.len()) {
            scratch[..piece.len()].copy_from_slice(piece);
            let mut input = &mut scratch[..piece.len()];
            while let Ok(Some(message)) = decoder.decode(&mut input, 16 << 20) {
                black_box(message);
            }
        }
    });
}

fn measure(name: &str, times: u32, mut run: impl FnMut()) {
    let round = || {
        let start = Instant::now();
        (0..times).for_each(|_| run());
        start.elapsed().as_nanos() / u128::from(times)
    };
    let least = std::iter::repeat_with(round).take(ROUNDS).min().unwrap_or(0);
    println!("{name:<52} {least:>10} ns");
}
