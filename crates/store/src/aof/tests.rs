//! A log makes the store again: commands of every kind, with rewrites in the middle of them, and damaged files.

use super::*;
use crate::{Config, Store};
use bytes::Bytes;
use model::Reply;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW_MS: u64 = 1_700_000_000_000;

fn words(line: &str) -> Vec<Bytes> {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

/// A store and its log: a base if there was a rewrite, and what came since.
struct Logged {
    store: Store,
    base: Vec<u8>,
    log: Vec<u8>,
}

impl Logged {
    fn new() -> Logged {
        let mut store = Store::new(Config { seed: 5, databases: 3, ..Config::default() });
        store.keep_log(true);
        Logged { store, base: Vec::new(), log: Vec::new() }
    }

    fn run(&mut self, db: usize, line: &str) -> Reply {
        self.run_at(db, line, NOW_MS)
    }

    fn run_at(&mut self, db: usize, line: &str, now_ms: u64) -> Reply {
        let reply = self.store.execute_in(db, &words(line), now_ms);
        self.drain();
        reply
    }

    fn drain(&mut self) {
        self.store.take_log(&mut self.log);
    }

    fn begin_rewrite(&mut self) {
        if self.store.begin_rewrite() {
            (self.base, self.log) = (Vec::new(), Vec::new());
        }
    }

    fn reloaded(&self) -> Store {
        let mut store = Store::new(Config { seed: 9, databases: 3, ..Config::default() });
        for file in [&self.base, &self.log] {
            let mut loader = Loader::new();
            assert_eq!(loader.load(&mut store, file), Ok(file.len()), "{}", file.escape_ascii());
            assert_eq!((loader.finish(0), loader.counts().1), (Ending::Whole, 0), "{}", file.escape_ascii());
        }
        store
    }
}

/// All keys with what they hold.
fn content(store: &mut Store) -> BTreeMap<(usize, Bytes), String> {
    let mut all = BTreeMap::new();
    for db in 0..store.databases() {
        let Reply::Array(keys) = store.execute_in(db, &words("KEYS *"), NOW_MS).expanded() else { panic!("an array") };
        for key in keys {
            let Reply::Bulk(key) = key else { panic!("a key is a bulk") };
            let mut ask = |line: &str| {
                let line: Vec<Bytes> =
                    words(line).into_iter().map(|w| if w == "K" { key.clone() } else { w }).collect();
                store.execute_in(db, &line, NOW_MS).expanded()
            };
            let held = match ask("TYPE K") {
                Reply::Simple(kind) if kind == "string" => ask("GET K"),
                Reply::Simple(kind) if kind == "list" => ask("LRANGE K 0 -1"),
                Reply::Simple(kind) if kind == "set" => match ask("SMEMBERS K") {
                    Reply::Set(mut members) | Reply::Array(mut members) => {
                        members.sort_by_key(|member| format!("{member:?}"));
                        Reply::Array(members)
                    }
                    other => other,
                },
                Reply::Simple(kind) if kind == "hash" => match ask("HGETALL K") {
                    Reply::Map(mut pairs) => {
                        pairs.sort_by_key(|pair| format!("{pair:?}"));
                        Reply::Map(pairs)
                    }
                    other => other,
                },
                Reply::Simple(kind) if kind == "zset" => ask("ZRANGE K 0 -1 WITHSCORES"),
                _ => {
                    let Reply::Map(facts) = ask("XINFO STREAM K FULL COUNT 0") else { panic!("a map") };
                    let facts = facts.into_iter().filter(|(name, _)| !format!("{name:?}").contains("radix"));
                    let text = format!("{:?}", facts.collect::<Vec<_>>());
                    // When a consumer asked last is not in the log.
                    let parts = text.split("seen-time").map(|part| part.split_once("pel-count").map_or(part, |p| p.1));
                    Reply::bulk(parts.collect::<String>())
                }
            };
            all.insert((db, key.clone()), format!("{held:?} {:?}", ask("PEXPIRETIME K")));
        }
    }
    all
}

#[test]
fn effects_are_logged_and_not_wishes() {
    for (lines, logged) in [
        ("SET k v EX 10", "SELECT 0|SET k v PXAT 1700000010000"),
        ("SETEX k 10 v", "SELECT 0|SET k v PXAT 1700000010000"),
        ("SET k v|EXPIRE k 10", "SELECT 0|SET k v|PEXPIREAT k 1700000010000"),
        ("SET k v|EXPIRE k -1", "SELECT 0|SET k v|DEL k"),
        ("SET k v|GETEX k PX 5", "SELECT 0|SET k v|PEXPIREAT k 1700000000005"),
        ("SET k v|GETDEL k|GETDEL k", "SELECT 0|SET k v|DEL k"),
        ("SET k v XX|INCR n|GET n", "SELECT 0|INCR n"),
        ("INCRBYFLOAT f 1.5", "SELECT 0|SET f 1.5 KEEPTTL"),
        ("HINCRBYFLOAT h f 1.5", "SELECT 0|HSET h f 1.5"),
        ("SADD s a|SPOP s", "SELECT 0|SADD s a|SREM s a"),
        ("XADD x * f v", "SELECT 0|XADD x 1700000000000-0 f v"),
        ("XADD x MAXLEN ~ 5 1-1 f v", "SELECT 0|MULTI|XADD x 1-1 f v|XTRIM x MAXLEN = 1|EXEC"),
        ("RPUSH l a|BLPOP l 0", "SELECT 0|RPUSH l a|LPOP l"),
        (
            "XADD x 1-1 f v|XGROUP CREATE x g 0|XCLAIM x g c 0 9-9 LASTID 1-1|XGROUP CREATECONSUMER x g c",
            "SELECT 0|XADD x 1-1 f v|XGROUP CREATE x g 0|MULTI|XGROUP SETID x g 1-1 ENTRIESREAD -1|XGROUP CREATECONSUMER x g c|EXEC",
        ),
        ("FLUSHALL|DEL none|SADD s a|SADD s a", "SELECT 0|FLUSHALL|SADD s a"),
    ] {
        let mut logged_ = Logged::new();
        lines.split('|').for_each(|line| _ = logged_.run(0, line));
        let mut expected = Vec::new();
        logged.split('|').for_each(|line| encode::line(&words(line), &mut expected));
        assert_eq!(logged_.log.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{lines}");
    }
}

#[test]
fn a_cut_log_is_good_up_to_its_last_whole_unit() {
    let mut logged = Logged::new();
    logged.run(0, "SET a 1");
    let whole = logged.log.len();
    logged.store.transaction(&[words("SET b 2").into(), words("SET c 3").into()], NOW_MS);
    logged.drain();
    for len in 0..=logged.log.len() {
        let mut store = Store::new(Config { seed: 1, databases: 1, ..Config::default() });
        let mut loader = Loader::new();
        let taken = loader.load(&mut store, &logged.log[..len]).unwrap();
        let ending = loader.finish(len - taken);
        let keys = store.keys(0);
        match ending {
            Ending::Whole => assert!(keys == 3 || len == whole || keys == 0, "{len}"),
            Ending::Truncated { valid_len } => {
                let mut again = Store::new(Config { seed: 1, databases: 1, ..Config::default() });
                let good = &logged.log[..valid_len as usize];
                assert_eq!(Loader::new().load(&mut again, good), Ok(good.len()));
                assert_eq!(again.keys(0), keys, "{len}");
            }
        }
        assert_eq!(
            keys,
            if len < whole {
                0
            } else if len < logged.log.len() {
                1
            } else {
                3
            },
            "{len}"
        );
    }
}

#[test]
fn damage_is_told_with_its_place() {
    for (bytes, offset) in [
        ("*1\r\n$4\r\nPING\r\nx", 14),
        ("*1\n$4\r\nPING\r\n", 2),
        ("*1\r\n$4\r\nPINGxx\r\n", 12),
        ("*x\r\n", 1),
        ("*0\r\n", 0),
        ("*1\r\n:4\r\n", 4),
        ("*99999999999999999999999\r\n", 21),
        ("*1\r\n$6\r\nNOSUCH\r\n", 0),
        ("*2\r\n$6\r\nSELECT\r\n$2\r\n99\r\n", 0),
    ] {
        let mut store = Store::new(Config::default());
        let error = Loader::new().load(&mut store, bytes.as_bytes()).unwrap_err();
        assert_eq!(error.offset, offset, "{bytes:?}: {error}");
    }
    let mut store = Store::new(Config::default());
    let bytes = b"#TS:1700000000\r\n*3\r\n$5\r\nlpush\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n";
    let mut loader = Loader::new();
    assert_eq!(loader.load(&mut store, bytes), Ok(bytes.len()));
    assert_eq!((loader.counts(), store.keys(0)), ((2, 1), 1), "a command that fails is passed by");
}

#[test]
fn what_expired_before_a_restart_stays_expired() {
    let mut logged = Logged::new();
    logged.run(0, "SET k 5 PX 100");
    logged.run(0, "INCR k");
    let mut again = logged.reloaded();
    assert_eq!(again.execute(&words("GET k"), NOW_MS + 99), Reply::bulk("6"));
    assert_eq!(again.execute(&words("GET k"), NOW_MS + 100), Reply::Null);
}

/// A load knows no time, so what was due when a command ran has to be gone in the log too.
#[test]
fn what_was_due_does_not_count_when_the_log_is_loaded() {
    for (line, key) in [
        ("SUNIONSTORE d due set", "d"),
        ("SDIFFSTORE d set due", "d"),
        ("ZUNIONSTORE d 2 duez zset", "d"),
        ("BITOP OR d dues string", "d"),
        ("PFMERGE d dueh hll", "d"),
        ("LMPOP 2 duel list LEFT", "list"),
        ("BLPOP duel list 0", "list"),
        ("MSETNX dues 1 d 2", "d"),
        ("RENAMENX string dues", "dues"),
        ("COPY string dues", "dues"),
        ("SMOVE set due 2", "set"),
        ("SORT list BY dues* GET dues STORE d", "d"),
        ("SORT list BY nosort GET due* GET # STORE d", "d"),
        ("RPOPLPUSH list duel", "duel"),
        ("MOVE string 1", "string"),
    ] {
        let mut logged = Logged::new();
        for line in [
            "SADD due 1 2",
            "SADD set 2 3",
            "ZADD duez 5 a",
            "ZADD zset 1 a 2 b",
            "SET dues zz",
            "SET string xy",
            "PFADD dueh a b c",
            "PFADD hll d",
            "RPUSH duel x",
            "RPUSH list 2 1",
            "SET due1 5",
            "SET due2 1",
        ] {
            logged.run(0, line);
        }
        logged.run(1, "SET string due");
        for (db, key) in ["due", "duez", "dues", "dueh", "duel", "due1", "due2"]
            .map(|key| (0, key))
            .into_iter()
            .chain([(1, "string")])
        {
            logged.run(db, &format!("PEXPIREAT {key} {}", NOW_MS + 10));
        }
        logged.run_at(0, line, NOW_MS + 20);
        let mut again = logged.reloaded();
        for db in 0..2 {
            for ask in [format!("TYPE {key}"), format!("DUMPED {key}")] {
                let of = |store: &mut Store| match &*ask {
                    ask if ask.starts_with("TYPE") => format!("{:?}", store.execute_in(db, &words(ask), NOW_MS + 20)),
                    _ => ["GET", "SMEMBERS", "PFCOUNT"]
                        .map(|name| format!("{name} {key}"))
                        .into_iter()
                        .chain([format!("LRANGE {key} 0 -1"), format!("ZRANGE {key} 0 -1 WITHSCORES")])
                        .map(|line| format!("{:?}", store.execute_in(db, &words(&line), NOW_MS + 20)))
                        .collect(),
                };
                assert_eq!(of(&mut again), of(&mut logged.store), "{line}: {ask} in {db}");
            }
        }
    }
}

#[test]
fn large_keys_are_written_in_parts_and_as_they_were_at_the_mark() {
    for touched in ["", "list", "hash", "set", "zset", "stream"] {
        let mut logged = Logged::new();
        for n in 0..5000 {
            for line in [
                format!("RPUSH list {n}"),
                format!("HSET hash f{n} {n}"),
                format!("SADD set m{n}"),
                format!("ZADD zset {n} m{n}"),
                format!("XADD stream {n}-1 f {n}"),
            ] {
                logged.run(0, &line);
            }
        }
        logged.run(0, "PEXPIREAT hash 9000000000000");
        let before = content(&mut logged.store);
        logged.begin_rewrite();
        let (mut steps, mut largest) = (0, 0);
        loop {
            let Logged { store, base, .. } = &mut logged;
            let len = base.len();
            if store.rewrite_step(1000, base) {
                break;
            }
            largest = largest.max(base.len() - len);
            steps += 1;
            let line = match touched {
                "" => continue,
                "list" => "LPOP list".to_owned(),
                "hash" => format!("HSET hash f{steps} new"),
                "set" => format!("SREM set m{}", steps * 7),
                "zset" => format!("ZADD zset 5000.5 m{steps}"),
                _ => format!("XDEL stream {}-1", steps * 5),
            };
            logged.run(0, &line);
        }
        assert!(steps > 5, "{steps}");
        assert!(!touched.is_empty() || largest < 100_000, "{largest} bytes in one step");
        let mut base_only = Store::new(Config { seed: 3, databases: 3, ..Config::default() });
        assert_eq!(Loader::new().load(&mut base_only, &logged.base), Ok(logged.base.len()));
        assert_eq!(content(&mut base_only), before, "{touched}");
        assert_eq!(content(&mut logged.reloaded()), content(&mut logged.store), "{touched}");
    }
}

#[test]
fn a_rewrite_keeps_scores_of_every_size() {
    let scores = ["1e16", "-1e16", "9007199254740993", "4.7e18", "1.5e300", "1e-300", "5e-324", "inf", "-inf", "0.1"];
    for fillers in [0, 200] {
        let mut logged = Logged::new();
        (0..fillers).for_each(|n| _ = logged.run(0, &format!("ZADD z 1 m{n}")));
        scores.iter().for_each(|score| _ = logged.run(0, &format!("ZADD z {score} is{score}")));
        logged.begin_rewrite();
        let Logged { store, base, .. } = &mut logged;
        while !store.rewrite_step(1000, base) {}
        assert_eq!(content(&mut logged.reloaded()), content(&mut logged.store), "{fillers}");
        assert_eq!(logged.reloaded().execute(&words("ZCARD z"), 0), Reply::Int(fillers + scores.len() as i64));
    }
}

fn commands() -> impl Strategy<Value = (usize, String)> {
    let key = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("e")];
    let line = (0..34usize, key.clone(), key, 0..5u32).prop_map(|(kind, k, l, n)| match kind {
        0..3 => format!("SET {k} {n}"),
        3 => format!("SET {k} {n} EX 100"),
        4 => format!("EXPIRE {k} 100"),
        5 => format!("RPUSH {k} {n} x y"),
        6 => format!("LPOP {k}"),
        7 => format!("SADD {k} {n} m"),
        8 => format!("SPOP {k}"),
        9 => format!("HSET {k} f{n} v"),
        10 => format!("HINCRBYFLOAT {k} f 0.1"),
        11 => format!("ZADD {k} {n} m{n}"),
        12 => format!("ZPOPMIN {k}"),
        13..16 => format!("XADD {k} * f {n}"),
        16 => format!("XTRIM {k} MAXLEN {n}"),
        17 => format!("XGROUP CREATE {k} g 0 MKSTREAM"),
        18..20 => format!("XREADGROUP GROUP g c COUNT {n} STREAMS {k} >"),
        20 => format!("XAUTOCLAIM {k} g d 0 0"),
        21 => format!("XACK {k} g {}-{n}", NOW_MS),
        22..25 => format!("DEL {k}"),
        25 => format!("RENAME {k} {l}"),
        26 => format!("COPY {k} {l} REPLACE"),
        27 => format!("MOVE {k} {}", n % 3),
        28 => format!("SWAPDB {} {}", n % 3, (n + 1) % 3),
        29 if n == 0 => "FLUSHDB".to_owned(),
        29 if n == 1 => "FLUSHALL".to_owned(),
        30 => format!("INCRBYFLOAT {k} 0.1"),
        31 => format!("GETEX {k} PERSIST"),
        32 => format!("APPEND {k} {n}"),
        _ => format!("XDEL {k} {NOW_MS}-{n}"),
    });
    (0..3usize, line)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_log_with_rewrites_makes_the_same_store(
        steps in proptest::collection::vec((commands(), 0..12u8, 1..200usize), 1..120),
    ) {
        let mut logged = Logged::new();
        for ((db, line), rewrite, bytes) in steps {
            match rewrite {
                0 => logged.begin_rewrite(),
                1..4 if logged.store.state_is_rewriting() => {
                    let Logged { store, base, .. } = &mut logged;
                    store.rewrite_step(bytes, base);
                }
                _ => {}
            }
            logged.run(db, &line);
        }
        while logged.store.state_is_rewriting() {
            let Logged { store, base, .. } = &mut logged;
            store.rewrite_step(100, base);
        }
        prop_assert_eq!(content(&mut logged.reloaded()), content(&mut logged.store));
    }
}

#[test]
fn a_rewrite_of_many_keys_is_the_moment_of_its_mark() {
    let mut logged = Logged::new();
    for n in 0..5000 {
        logged.run(0, &format!("SET key:{n} {n}"));
    }
    logged.begin_rewrite();
    let mut steps = 0;
    loop {
        let Logged { store, base, .. } = &mut logged;
        if store.rewrite_step(1000, base) {
            break;
        }
        steps += 1;
        logged.run(0, &format!("INCR key:{}", steps * 37 % 5000));
        logged.run(0, &format!("DEL key:{}", steps * 53 % 5000));
        logged.run(0, &format!("SET new:{steps} 1"));
    }
    assert!(steps > 100, "{steps} steps");
    let mut base_only = Store::new(Config { seed: 3, databases: 3, ..Config::default() });
    assert_eq!(Loader::new().load(&mut base_only, &logged.base), Ok(logged.base.len()));
    assert_eq!(base_only.keys(0), 5000);
    assert_eq!(base_only.execute(&words("GET key:37"), NOW_MS), Reply::bulk("37"));
    assert_eq!(content(&mut logged.reloaded()), content(&mut logged.store));
}
