//! Runs scripts on the store and on a real server, and makes a script that fails as short as it can. Every other script is
//! run in RESP2.

use super::compare::{Difference, lifted, same, with_one_null};
use super::grammar::{Compare, Family, Grammar, Line};
use super::server::{Connection, Kind, Server};
use bytes::Bytes;
use model::Reply;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};
use store::random::Random;
use store::{ClientId, Config, Output, Peer, Store};

/// The most lines of a script.
const LINES_MAX: usize = 40;
/// The most runs that making a script shorter may take.
pub const SHRINKS_MAX: usize = 1500;

/// Runs the family's scripts against every server that is there. Panics with the shortest script found that differs.
pub fn check(family: &Family, differences: &[Difference]) {
    let grammar = Grammar::new(family);
    for (kind, program) in Kind::all() {
        let server = Server::start(&program, &[]);
        let (resp2, resp3) = (server.connect_plain(), server.connect());
        let mut bench = Bench { kind, grammar: &grammar, differences, resp2, resp3, speaks_resp2: false };
        let first = setting("KEYWIRE_SEED", 1);
        for seed in first..first + setting("KEYWIRE_DIFFERENTIAL", grammar.scripts as u64) {
            let script = grammar.script(&Random::new(seed), LINES_MAX);
            bench.speaks_resp2 = seed.is_multiple_of(2);
            if bench.run(&script).is_some() {
                let script = bench.shrink(script);
                let failure = bench.run(&script).unwrap_or_else(|| "it does not fail again".to_owned());
                let resp = if bench.speaks_resp2 { "RESP2" } else { "RESP3" };
                panic!("{}, {kind:?}, {resp}, KEYWIRE_SEED={seed}\n{}{failure}", family.name, show_script(&script));
            }
        }
    }
}

pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

struct Bench<'a> {
    kind: Kind,
    grammar: &'a Grammar,
    differences: &'a [Difference],
    resp2: Connection,
    resp3: Connection,
    /// Which of the two the script under way uses.
    speaks_resp2: bool,
}

/// The store, and its client that speaks RESP2 if it is to be one.
struct Ours {
    store: Store,
    client: Option<ClientId>,
    now_ms: u64,
}

impl Ours {
    fn ask(&mut self, line: &[Bytes]) -> Reply {
        let Some(client) = self.client else { return with_one_null(&self.store.execute(line, self.now_ms).expanded()) };
        self.store.handle_command(client, line, self.now_ms);
        let mut reply = None;
        self.store.drain_outputs(|output| {
            if let Output::Reply { reply: answer, .. } = output {
                reply = Some(answer.expanded());
            }
        });
        reply.unwrap_or_else(|| panic!("{} is answered at once", show_line(line)))
    }
}

impl Bench<'_> {
    /// What differs when this script is run, if anything.
    fn run(&mut self, script: &[Line]) -> Option<String> {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let mut store = Store::new(Config { seed: 7, ..Config::default() });
        let client = self.speaks_resp2.then(|| store.connect(Peer::default(), now_ms));
        let mut ours = Ours { store, client, now_ms };
        self.theirs().ask("FLUSHALL");
        let lines: Vec<&Line> = self.grammar.setup.iter().chain(script).collect();
        // As many lines at once as do not need the two sides to be made equal in between.
        for part in lines.split_inclusive(|line| line.compare == Compare::Take) {
            let commands: Vec<Vec<Bytes>> = part.iter().map(|line| line.words.clone()).collect();
            let replies = self.theirs().pipeline(&commands);
            for (line, theirs) in part.iter().zip(&replies) {
                let answer = ours.ask(&line.words);
                let theirs = &self.read(&answer, theirs);
                if !self.accepts(line, &answer, theirs) {
                    return Some(mismatch(&show_line(&line.words), &answer, theirs));
                }
                // A known difference in what is refused: from here on the two may well hold other keys.
                if is_error(&answer) != is_error(theirs) {
                    return None;
                }
                if line.compare == Compare::Take {
                    self.copy_set(&mut ours, &line.words[1..]);
                }
            }
        }
        self.compare_keys(&mut ours)
    }

    fn theirs(&mut self) -> &mut Connection {
        if self.speaks_resp2 { &mut self.resp2 } else { &mut self.resp3 }
    }

    /// Their reply in the types of ours.
    fn read(&self, ours: &Reply, theirs: &Reply) -> Reply {
        if self.speaks_resp2 { lifted(ours, theirs) } else { theirs.clone() }
    }

    fn accepts(&self, line: &Line, ours: &Reply, theirs: &Reply) -> bool {
        // An error is never random.
        let compare = match (line.compare, ours, theirs) {
            (Compare::Skip, ..) => Compare::Skip,
            (_, Reply::Error(_), _) | (_, _, Reply::Error(_)) => Compare::Exact,
            (compare, ..) => compare,
        };
        same(compare, ours, theirs) || self.is_known(line, ours, theirs)
    }

    fn is_known(&self, line: &Line, ours: &Reply, theirs: &Reply) -> bool {
        self.differences.iter().any(|known| known.servers.contains(&self.kind) && (known.applies)(line, ours, theirs))
    }

    /// After random members were taken from a set on both sides, ours gets theirs.
    fn copy_set(&mut self, ours: &mut Ours, keys: &[Bytes]) {
        let Some(key) = keys.first() else { return };
        let ask = vec![Bytes::from("SMEMBERS"), key.clone()];
        let (Reply::Set(members) | Reply::Array(members)) = self.theirs().pipeline(&[ask]).remove(0) else {
            return;
        };
        let bulk = |reply| if let Reply::Bulk(bytes) = reply { bytes } else { panic!("a member is a bulk") };
        ours.ask(&["DEL".into(), key.clone()]);
        if !members.is_empty() {
            let mut add: Vec<Bytes> = vec!["SADD".into(), key.clone()];
            add.extend(members.into_iter().map(bulk));
            ours.ask(&add);
        }
    }

    /// What differs between the keys that both sides have now.
    fn compare_keys(&mut self, ours: &mut Ours) -> Option<String> {
        let list = vec![Bytes::from("KEYS"), Bytes::from("*")];
        let (answer, theirs) = (ours.ask(&list), self.theirs().pipeline(&[list]).remove(0));
        if !same(Compare::Sorted, &answer, &theirs) {
            return Some(mismatch("the keys at the end", &answer, &theirs));
        }
        let Reply::Array(keys) = theirs else { panic!("KEYS answers an array") };
        let keys: Vec<Bytes> =
            keys.into_iter().filter_map(|key| if let Reply::Bulk(key) = key { Some(key) } else { None }).collect();
        let questions: Vec<Line> = keys.iter().flat_map(|key| questions(ours, key)).collect();
        let commands: Vec<Vec<Bytes>> = questions.iter().map(|line| line.words.clone()).collect();
        let replies = self.theirs().pipeline(&commands);
        questions.iter().zip(&replies).find_map(|(line, theirs)| {
            let answer = ours.ask(&line.words);
            let theirs = self.read(&answer, theirs);
            let same = self.accepts(line, &answer, &theirs);
            (!same).then(|| mismatch(&format!("at the end {}", show_line(&line.words)), &answer, &theirs))
        })
    }

    /// The shortest script that still fails, found by leaving out ever smaller parts, then words.
    fn shrink(&mut self, mut script: Vec<Line>) -> Vec<Line> {
        let mut runs = 0;
        let mut part = script.len() / 2;
        while part > 0 {
            let mut at = 0;
            while at < script.len() && runs < SHRINKS_MAX {
                let mut shorter = script.clone();
                shorter.drain(at..(at + part).min(script.len()));
                runs += 1;
                if self.run(&shorter).is_some() {
                    script = shorter;
                } else {
                    at += part;
                }
            }
            part /= 2;
        }
        for line in 0..script.len() {
            let mut word = script[line].words.len();
            while word > 1 && runs < SHRINKS_MAX {
                word -= 1;
                let mut shorter = script.clone();
                shorter[line].words.remove(word);
                runs += 1;
                if self.run(&shorter).is_some() {
                    script = shorter;
                }
            }
        }
        script
    }
}

/// What is asked of a key to know all about it, by the type it has on our side.
fn questions(ours: &mut Ours, key: &Bytes) -> Vec<Line> {
    let Reply::Simple(kind) = ours.ask(&["TYPE".into(), key.clone()]) else { panic!("TYPE answers a word") };
    let (content, compare) = match &kind[..] {
        b"string" => ("GET K", Compare::Exact),
        b"list" => ("LRANGE K 0 -1", Compare::Exact),
        b"set" => ("SMEMBERS K", Compare::Exact),
        b"hash" => ("HGETALL K", Compare::Exact),
        b"zset" => ("ZRANGE K 0 -1 WITHSCORES", Compare::Exact),
        b"stream" => ("XRANGE K - +", Compare::Exact),
        other => panic!("a key of type {}", other.escape_ascii()),
    };
    let line = |text: &str, compare| {
        let word = |word: &str| if word == "K" { key.clone() } else { Bytes::copy_from_slice(word.as_bytes()) };
        Line { words: text.split(' ').map(word).collect(), compare }
    };
    vec![
        line("TYPE K", Compare::Exact),
        line(content, compare),
        line("PEXPIRETIME K", Compare::Near),
        line("OBJECT ENCODING K", Compare::Exact),
    ]
}

fn is_error(reply: &Reply) -> bool {
    matches!(reply, Reply::Error(_))
}

fn mismatch(what: &str, ours: &Reply, theirs: &Reply) -> String {
    format!("{what}\n  ours   {}\n  theirs {}\n", show(ours), show(theirs))
}

fn show_script(script: &[Line]) -> String {
    script.iter().map(|line| show_line(&line.words) + "\n").collect()
}

/// A command line as redis-cli takes it.
pub fn show_line(words: &[Bytes]) -> String {
    let plain = |word: &Bytes| !word.is_empty() && word.iter().all(|b| b.is_ascii_graphic() && !b"\"'\\".contains(b));
    let shown = words.iter().map(|word| match plain(word) {
        true => String::from_utf8_lossy(word).into_owned(),
        false => format!("\"{}\"", word.escape_ascii()),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn show(reply: &Reply) -> String {
    let mut text = format!("{reply:?}");
    if text.len() > 2000 {
        text.truncate(text.floor_char_boundary(2000));
        let _ = write!(text, " …");
    }
    text
}
