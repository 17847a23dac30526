//! How long RESP takes on this machine: `cargo run --release -p wire --example resp_speed`.
//!
//! The least of nine rounds each, in nanoseconds for one command, reply or element; no statistics beyond that.

#![allow(clippy::disallowed_methods, reason = "measures time; nothing of the crate does")]

use bytes::BytesMut;
use model::Reply;
use std::hint::black_box;
use std::time::Instant;
use wire::resp::{Protocol, ReplyDecoder, ReplyLimits, RequestDecoder, RequestLimits, encode_command, encode_reply};

const ROUNDS: usize = 9;
/// Frames in the read buffer at once: a pipeline of about 16 KiB.
const PIPELINED: usize = 400;

fn main() {
    requests("GET key:000000000001", &["GET", "key:000000000001"]);
    requests("SET key:000000000001 xxx", &["SET", "key:000000000001", "xxx"]);
    let fields: Vec<String> = (0..21).map(|n| format!("field{n}")).collect();
    requests("HSET key and ten fields (22 words)", &[&["HSET".to_owned()], &fields[..]].concat());
    replies("+OK", &Reply::OK, 1);
    replies(":1", &Reply::Int(1), 1);
    replies("$16", &Reply::bulk("0123456789abcdef"), 1);
    let list = |length| Reply::Array((0..length).map(|n| Reply::bulk(format!("element{n}"))).collect());
    replies("array of 10 short strings, per element", &list(10), 10);
    replies("array of 1,000 short strings, per element", &list(1000), 1000);
    let hash = (0..100).map(|n| (Reply::bulk(format!("field{n}")), Reply::bulk("value"))).collect();
    replies("map of 100 fields, per string", &Reply::Map(hash), 200);
    bytewise();
}

fn requests<A: AsRef<[u8]>>(name: &str, command: &[A]) {
    let mut bytes = BytesMut::new();
    (0..PIPELINED).for_each(|_| encode_command(command, &mut bytes));
    let mut input = BytesMut::new();
    let mut decoder = RequestDecoder::new(RequestLimits::default());
    measure(&format!("decode {name}"), PIPELINED, || {
        input.extend_from_slice(&bytes);
        while let Ok(Some(args)) = decoder.decode(&mut input) {
            black_box(args);
        }
    });
    let mut out = BytesMut::new();
    measure(&format!("encode {name}"), PIPELINED, || {
        out.clear();
        (0..PIPELINED).for_each(|_| encode_command(black_box(command), &mut out));
    });
}

fn replies(name: &str, reply: &Reply, elements: usize) {
    let times = PIPELINED.div_ceil(elements);
    let mut out = BytesMut::new();
    let mut encode = || {
        out.clear();
        (0..times).for_each(|_| encode_reply(black_box(reply), Protocol::Resp3, &mut out));
    };
    measure(&format!("encode {name}"), times * elements, &mut encode);
    encode();
    let bytes = out;
    let mut input = BytesMut::new();
    let mut decoder = ReplyDecoder::new(ReplyLimits::default());
    measure(&format!("decode {name}"), times * elements, || {
        input.extend_from_slice(&bytes);
        while let Ok(Some(frame)) = decoder.decode(&mut input) {
            black_box(frame);
        }
    });
}

/// An array that comes in pieces of 16 bytes: per byte as cheap as in one piece, however long it is.
fn bytewise() {
    for length in [1_000, 100_000] {
        let text = format!("*{length}\r\n{}", "$10\r\n0123456789\r\n".repeat(length));
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        let mut input = BytesMut::new();
        measure(&format!("decode an array of {length} in pieces of 16 bytes, per element"), length, || {
            for piece in text.as_bytes().chunks(16) {
                input.extend_from_slice(piece);
                let _ = black_box(decoder.decode(&mut input));
            }
        });
    }
}

fn measure(name: &str, count: usize, mut run: impl FnMut()) {
    let times = (400_000 / count).max(1);
    let round = |run: &mut dyn FnMut()| {
        let begin = Instant::now();
        (0..times).for_each(|_| run());
        begin.elapsed().as_nanos() as f64 / (times * count) as f64
    };
    let best = (0..ROUNDS).map(|_| round(&mut run)).fold(f64::INFINITY, f64::min);
    println!("{best:8.1} ns  {name}");
}
