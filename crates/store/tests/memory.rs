//! Memory beside a real redis-server: what a key takes, and what a small hash takes. By hand, in release:
//! `cargo test --release -p store --test memory -- --ignored --nocapture --test-threads 1`.

#![allow(clippy::unwrap_used, clippy::disallowed_types, clippy::disallowed_methods, reason = "a measurement")]

mod support;

use bytes::Bytes;
use model::Reply;
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Config, Store};
use support::server::Server;

/// No more than this share of redis-server's memory, for the same keys.
const RATIO_MAX: f64 = 1.2;

fn compare(name: &str, count: usize, line: impl Fn(usize) -> Vec<Bytes>) {
    let server = Server::start(Path::new("/usr/bin/redis-server"), &[]);
    let mut redis = server.connect();
    let empty = used(&mut redis);
    for part in (0..count).collect::<Vec<_>>().chunks(1000) {
        redis.pipeline(&part.iter().map(|&n| line(n)).collect::<Vec<_>>());
    }
    let theirs = used(&mut redis) - empty;

    let mut store = Store::new(Config { seed: 7, ..Config::default() });
    let before = resident();
    let (begin, mut longest) = (Instant::now(), Duration::ZERO);
    for n in 0..count {
        let line = line(n);
        let at = Instant::now();
        store.execute(&line, 1000);
        longest = longest.max(at.elapsed());
        store.drain_changes(drop);
    }
    let (took, ours) = (begin.elapsed(), resident() - before);
    let per = |bytes: usize| bytes / count;
    println!("{name}: {} bytes each, Redis {} bytes each; {took:.1?}, longest {longest:.1?}", per(ours), per(theirs));
    assert!((ours as f64) < RATIO_MAX * theirs as f64, "{ours} {theirs}");
}

/// The resident set of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// The resident set of the server, in bytes.
fn used(redis: &mut support::server::Connection) -> usize {
    let info = match redis.ask("INFO memory") {
        Reply::Verbatim { text, .. } => text,
        other => panic!("{other:?}"),
    };
    let info = String::from_utf8(info.to_vec()).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory_rss:")).unwrap();
    line.trim().parse().unwrap()
}

fn words(line: String) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

#[test]
#[ignore = "a measurement"]
fn a_million_small_strings() {
    compare("strings of 10 bytes", 1_000_000, |n| words(format!("SET key:{n:012} {n:010}x")));
}

#[test]
#[ignore = "a measurement"]
fn a_million_longer_strings() {
    compare("strings of 100 bytes", 500_000, |n| words(format!("SET some:longer:key:{n:012} {n:0100}")));
}

#[test]
#[ignore = "a measurement"]
fn hashes_of_ten_fields() {
    compare("hashes of ten fields", 100_000, |n| {
        let fields: String = (0..10).map(|f| format!(" field{f} value{f}{n}")).collect();
        words(format!("HSET key:{n:012}{fields}"))
    });
}

#[test]
#[ignore = "a measurement"]
fn one_hash_of_a_million_fields() {
    compare("fields of one hash", 1_000_000, |n| words(format!("HSET one field:{n} value:{n}")));
}

#[test]
#[ignore = "a measurement"]
fn one_sorted_set_of_a_million_members() {
    compare("members of one sorted set", 1_000_000, |n| words(format!("ZADD one {} member:{n}", n * 7919 % 1_000_003)));
}

#[test]
#[ignore = "a measurement"]
fn lists_of_five() {
    compare("lists of five", 100_000, |n| words(format!("RPUSH list:{n} a{n} b{n} c{n} d{n} e{n}")));
}

#[test]
#[ignore = "a measurement"]
fn volatile_strings() {
    compare("strings with a deadline", 1_000_000, |n| words(format!("SET key:{n:012} {n:010} EX {}", 1000 + n % 5000)));
}
