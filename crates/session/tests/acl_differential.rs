//! The same random rules and commands on a real Redis (`ACL DRYRUN`), verdicts compared.
//!
//! Runs against the `redis-server` on the PATH, for Redis 7.0's semantics; without one it says so and passes.

#![allow(clippy::unwrap_used)]

mod common;

use common::line;
use model::command::CommandTable;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use session::acl::{Access, Denied, Rules};
use std::io::{BufRead, BufReader, Read, Write};
#[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CASES: usize = 400;

/// Well-formed lines, since Redis finds no keys in others and lets them through.
const COMMANDS: [&str; 48] = [
    "GET a",
    "GET ab",
    "GET b",
    "SET a 1",
    "SET a 1 GET",
    "SET b 1",
    "GETDEL a",
    "MGET a b",
    "MSET a 1 b 2",
    "EXISTS a",
    "EXISTS b",
    "STRLEN ab",
    "DEL a b",
    "COPY a b",
    "COPY b a",
    "RENAME a b",
    "SORT a",
    "SORT a STORE b",
    "ZUNIONSTORE a 1 b",
    "ZUNION 2 a b",
    "BITFIELD a GET u8 0",
    "BITFIELD a SET u8 0 1",
    "XREAD STREAMS a b 0 0",
    "XADD a * f v",
    "GEORADIUS a 1 2 3 km",
    "GEORADIUS a 1 2 3 km STORE b",
    "OBJECT ENCODING a",
    "OBJECT HELP",
    "CONFIG GET x",
    "CONFIG SET x y",
    "CLIENT ID",
    "SELECT 0",
    "SELECT 1",
    "DEBUG OBJECT a",
    "PING",
    "QUIT",
    "INFO",
    "KEYS *",
    "FLUSHALL",
    "PUBLISH a m",
    "PUBLISH ab m",
    "SPUBLISH b m",
    "SUBSCRIBE a ab",
    "SUBSCRIBE b",
    "PSUBSCRIBE a*",
    "PSUBSCRIBE *",
    "UNSUBSCRIBE b",
    "SSUBSCRIBE a",
];

/// Rules that mean something, and some that do not.
fn rule() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "~*",
        "~a",
        "~a*",
        "~b",
        "%R~a",
        "%W~a",
        "%R~a*",
        "%W~*",
        "%RW~b",
        "%wr~ab",
        "%R~*",
        "allkeys",
        "resetkeys",
        "%X~a",
        "%~a",
        "%R",
    ]);
    let channel = prop::sample::select(vec!["&*", "&a", "&a*", "&b", "allchannels", "resetchannels"]);
    let command = prop::sample::select(vec![
        "+get",
        "-get",
        "+set",
        "-set",
        "+mget",
        "+sort",
        "-sort",
        "+copy",
        "+config",
        "-config",
        "+config|get",
        "-config|get",
        "+CONFIG|SET",
        "+select|0",
        "+select|1",
        "-select",
        "+select",
        "+debug|object",
        "+object|encoding",
        "-object",
        "+publish",
        "+subscribe",
        "+psubscribe",
        "+client|id",
        "+nosuch",
        "+config|nosuch",
        "-get|x",
        "+client|id|x",
        "+debug|",
        "get",
        "allcommands",
        "nocommands",
        "+@all",
        "-@all",
    ]);
    let category = (
        prop::bool::ANY,
        prop::sample::select(vec![
            "read",
            "write",
            "string",
            "keyspace",
            "sortedset",
            "set",
            "stream",
            "geo",
            "pubsub",
            "admin",
            "dangerous",
            "slow",
            "fast",
            "connection",
            "bitmap",
            "READ",
            "nosuch",
        ]),
    )
        .prop_map(|(allow, category)| format!("{}@{category}", if allow { '+' } else { '-' }));
    prop_oneof![
        4 => key.prop_map(str::to_owned),
        2 => channel.prop_map(str::to_owned),
        4 => command.prop_map(str::to_owned),
        4 => category,
    ]
}

/// A list of rules, now and then with selectors (also broken ones).
fn rules() -> impl Strategy<Value = Vec<String>> {
    let selector = prop::collection::vec(rule(), 0..4).prop_map(|rules| format!("({})", rules.join(" ")));
    let odd = prop::sample::select(vec!["clearselectors", "(+get", "+set)", "(", ")", "()", "((+get))"])
        .prop_map(str::to_owned);
    let item = prop_oneof![30 => rule(), 4 => selector, 1 => odd];
    prop::collection::vec(item, 0..8)
}

#[test]
fn rules_mean_what_they_mean_in_redis() {
    let Some(mut redis) = Redis::start() else { return };
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..CASES {
        let rules = rules().new_tree(&mut runner).unwrap().current();
        match redis.compare(&rules) {
            true => accepted += 1,
            false => refused += 1,
        }
    }
    assert!(accepted > CASES / 10 && refused > CASES / 10, "{accepted} lists accepted, {refused} refused");
}

/// A server of its own on a free port, ended with the test.
struct Redis {
    process: Child,
    #[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
    stream: BufReader<TcpStream>,
}

impl Redis {
    fn start() -> Option<Redis> {
        #[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
        let spawned = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = spawned else {
            eprintln!(
                "SKIPPED: there is no redis-server on the PATH, so ACL rules were not compared with a real server"
            );
            return None;
        };
        let mut redis = Redis { process, stream: BufReader::new(connect(port)) };
        let version = redis.ask(&["INFO".into(), "server".into()]);
        if !version.contains("redis_version:7.0") {
            eprintln!("SKIPPED: the redis-server on the PATH is not 7.0, whose ACL rules these are");
            return None;
        }
        Some(redis)
    }

    /// Whether both accept the rules; their verdicts on every command must be equal.
    fn compare(&mut self, rules: &[String]) -> bool {
        let table = CommandTable::redis();
        let ours = Rules::parse(rules.iter().map(String::as_str), &table);
        let mut setuser: Vec<String> = ["ACL", "SETUSER", "u", "reset"].map(String::from).into();
        setuser.extend(rules.iter().cloned());
        let theirs = self.ask(&setuser);
        let ours = match ours {
            Ok(ours) if theirs == "OK" => ours,
            Err(error) if theirs != "OK" => {
                // Of several mistakes Redis tells of parentheses first.
                let same = theirs.contains(&*error.reason) || theirs.contains("Unmatched parenthesis");
                assert!(same, "{rules:?}\n  redis: {theirs}\n  ours:  {error}");
                return false;
            }
            ours => panic!("{rules:?}\n  redis: {theirs}\n  ours:  {ours:?}"),
        };
        for text in COMMANDS {
            let command = line(text);
            let verdict = ours.check(&Access::of(table.resolve(&command).unwrap(), &command));
            let mut dryrun: Vec<String> = ["ACL", "DRYRUN", "u"].map(String::from).into();
            dryrun.extend(text.split(' ').map(String::from));
            let theirs = self.ask(&dryrun);
            let same = match verdict {
                Ok(()) => theirs == "OK",
                Err(Denied::Command) => theirs.contains("permissions to run the"),
                Err(Denied::Key) => theirs.contains("permissions to access the") && theirs.ends_with("key"),
                Err(Denied::Channel) => theirs.contains("permissions to access the") && theirs.ends_with("channel"),
                Err(_) => false,
            };
            assert!(same, "{rules:?} {text}\n  redis: {theirs}\n  ours:  {verdict:?}");
        }
        true
    }

    fn ask(&mut self, words: &[String]) -> String {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        self.stream.read_line(&mut head).unwrap();
        let (kind, rest) = head.trim_end().split_at(1);
        if kind != "$" {
            return rest.to_owned();
        }
        let mut body = vec![0; rest.parse::<usize>().unwrap() + 2];
        self.stream.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap().trim_end().to_owned()
    }
}

#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test waits for a real server")]
fn connect(port: u16) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_nodelay(true).unwrap();
            return stream;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the redis-server does not answer");
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
