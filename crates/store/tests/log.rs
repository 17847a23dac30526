//! The log and a real server's: each loads what the other wrote and holds the same keys.

mod support;

use bytes::Bytes;
use model::Reply;
use std::path::Path;
#[allow(clippy::disallowed_types, reason = "a real server has a clock")]
use std::time::{SystemTime, UNIX_EPOCH};
use store::aof::{Ending, Loader, Manifest};
use store::random::Random;
use store::{Config, Store};
use support::compare::{same, with_one_null};
use support::grammar::{Compare, Family, Grammar};
use support::server::{Connection, Server};

const REDIS: &str = "/usr/bin/redis-server";

/// Commands whose effects depend on the clock, on chance, on floats, on what there is; and plain ones.
const WRITES: Family = Family {
    name: "writes",
    setup: &[],
    pools: &[("k", "a b c d e f"), ("g", "g h")],
    commands: &[
        "SET <k> <value> {EX 1000 ; (NX | XX)}",
        "GETEX <k> (PERSIST | EX 1000)",
        "GETDEL <k>",
        "INCR <k>",
        "INCRBYFLOAT <k> 0.1",
        "APPEND <k> <value>",
        "EXPIRE <k> (1000 | -1)",
        "2*RPUSH <k> (<value>)+",
        "LPOP <k>",
        "BLPOP <k> 0",
        "LMOVE <k> <k> LEFT RIGHT",
        "2*SADD <k> (<value>)+",
        "SPOP <k>",
        "2*HSET <k> <value> <value>",
        "HINCRBYFLOAT <k> f 0.1",
        "2*ZADD <k> <small> <value>",
        "ZPOPMIN <k>",
        "5*XADD <k> [MAXLEN ~ 3] * f <value>",
        "XTRIM <k> MAXLEN 2",
        "2*XGROUP CREATE <k> <g> 0 MKSTREAM",
        "3*XREADGROUP GROUP <g> alice COUNT 2 STREAMS <k> >",
        "XAUTOCLAIM <k> <g> bob 0 0",
        "SORT <k> ALPHA STORE <k>",
        "RENAME <k> <k>",
        "COPY <k> <k> REPLACE",
        "MOVE <k> 1",
        "SWAPDB 0 1",
        "4*DEL <k>",
    ],
    scripts: 12,
};

#[test]
#[allow(clippy::disallowed_methods, reason = "a real server takes its time")]
fn a_real_server_loads_what_the_store_logged() {
    for seed in 1..=WRITES.scripts as u64 {
        let mut store = Store::new(Config { seed, ..Config::default() });
        store.keep_log(true);
        let (mut base, mut log) = (Vec::new(), Vec::new());
        let lines = Grammar::new(&WRITES).script(&Random::new(seed), 400);
        for (at, line) in lines.iter().enumerate() {
            if at == lines.len() / 2 {
                assert!(store.begin_rewrite());
                log.clear();
            }
            store.execute(&line.words, now_ms());
            store.take_log(&mut log);
            if at >= lines.len() / 2 {
                store.rewrite_step(100, &mut base);
            }
        }
        while !store.rewrite_step(1000, &mut base) {}
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("appendonlydir");
        std::fs::create_dir(&files).unwrap();
        let mut manifest = Manifest::default();
        let increment = manifest.add_increment("appendonly.aof").clone();
        let first = manifest.next_base("appendonly.aof", 1);
        let manifest = manifest.rewritten(first.clone(), increment.seq);
        std::fs::write(files.join("appendonly.aof.manifest"), manifest.to_string()).unwrap();
        std::fs::write(files.join(&first.name), &base).unwrap();
        std::fs::write(files.join(&increment.name), &log).unwrap();
        let server = Server::start_in(folder, Path::new(REDIS), &["--appendonly", "yes"]);
        let mut theirs = server.connect();
        while !matches!(theirs.ask("DBSIZE"), Reply::Int(_)) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        compare(&mut store, &mut theirs, seed);
    }
}

#[test]
fn the_store_loads_what_a_real_server_logged() {
    for seed in 1..=WRITES.scripts as u64 {
        let options = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--appendfsync", "always"];
        let server = Server::start(Path::new(REDIS), &options);
        let mut theirs = server.connect();
        for line in Grammar::new(&WRITES).script(&Random::new(seed), 400) {
            // A real server would wait.
            if line.words[0] != "BLPOP" {
                theirs.pipeline(&[line.words]);
            }
        }
        let files = server.folder().join("appendonlydir");
        let manifest = std::fs::read_to_string(files.join("appendonly.aof.manifest")).unwrap();
        let mut store = Store::new(Config { seed, ..Config::default() });
        for file in Manifest::parse(&manifest).unwrap().files() {
            let bytes = std::fs::read(files.join(&file.name)).unwrap();
            let mut loader = Loader::new();
            // In pieces, as from a file.
            let (mut rest, mut piece) = (Vec::new(), 0);
            while piece < bytes.len() {
                let end = (piece + 1000).min(bytes.len());
                rest.extend_from_slice(&bytes[piece..end]);
                let taken =
                    loader.load(&mut store, &rest).unwrap_or_else(|error| panic!("{seed} {}: {error}", file.name));
                rest.drain(..taken);
                piece = end;
            }
            assert_eq!((loader.finish(rest.len()), loader.counts().1), (Ending::Whole, 0), "{seed} {}", file.name);
        }
        compare(&mut store, &mut theirs, seed);
    }
}

/// Both hold the same keys in the first two databases.
fn compare(ours: &mut Store, theirs: &mut Connection, seed: u64) {
    for db in 0..2 {
        theirs.ask(&format!("SELECT {db}"));
        let keys = |reply| {
            let Reply::Array(keys) = reply else { panic!("an array") };
            let mut keys: Vec<Bytes> =
                keys.into_iter().filter_map(|key| if let Reply::Bulk(key) = key { Some(key) } else { None }).collect();
            keys.sort();
            keys
        };
        let found = keys(ours.execute_in(db, &words("KEYS *"), now_ms()).expanded());
        assert_eq!(found, keys(theirs.ask("KEYS *")), "seed {seed} db {db}");
        for key in found {
            let mut both = |line: &str| {
                let line: Vec<Bytes> =
                    words(line).into_iter().map(|w| if w == "K" { key.clone() } else { w }).collect();
                (with_one_null(&ours.execute_in(db, &line, now_ms()).expanded()), theirs.pipeline(&[line]).remove(0))
            };
            let kind = format!("{:?}", both("TYPE K").0);
            let content =
                ["GET K", "LRANGE K 0 -1", "SMEMBERS K", "HGETALL K", "ZRANGE K 0 -1 WITHSCORES", "XRANGE K - +"];
            let kinds = ["string", "list", "set", "hash", "zset", "stream"];
            let at = kinds.iter().position(|name| kind.contains(name)).expect("a type");
            let mut lines = vec!["TYPE K", content[at], "PEXPIRETIME K"];
            if at == 5 {
                lines.extend(["XPENDING K g", "XPENDING K h", "XLEN K"]);
            }
            for line in lines {
                let (a, b) = both(line);
                assert!(
                    same(Compare::Exact, &a, &b),
                    "seed {seed} db {db} {key:?} {line}\n  ours   {a:?}\n  theirs {b:?}"
                );
            }
        }
    }
}

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a real server has a clock")]
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis() as u64
}
