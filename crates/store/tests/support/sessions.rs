//! Several clients at once, on the store and on a real server: transactions, waits, subscriptions, tracking.
//!
//! Each line of a random script is sent by one of three clients (the last one speaks RESP2), unless that one still
//! waits. After each line every client must have been sent the same messages on both sides, in the same order.

use super::compare::{Difference, lifted, same, with_one_null};
use super::differ::{SHRINKS_MAX, setting, show_line};
use super::grammar::{Compare, Family, Grammar, Line};
use super::resp::Message;
use super::server::{Connection, Kind, Server};
use model::Reply;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::random::Random;
use store::{ClientId, Config, Output, Peer, Store};

/// How many clients there are.
const CLIENTS: usize = 3;
/// The most lines of a script.
const LINES_MAX: usize = 30;

/// One line and who sends it.
pub type Step = (usize, Line);

/// Runs the family's scripts against every server that is there. Panics with the shortest script found that differs.
pub fn check(family: &Family, options: &[&str], differences: &[Difference]) {
    let grammar = Grammar::new(family);
    for (kind, program) in Kind::all() {
        let server = Server::start(&program, options);
        let bench = Bench { kind, grammar: &grammar, options, differences, server: &server };
        let first = setting("KEYWIRE_SEED", 1);
        for seed in first..first + setting("KEYWIRE_DIFFERENTIAL", grammar.scripts as u64) {
            let random = Random::new(seed);
            let lines = grammar.script(&random, LINES_MAX);
            let steps: Vec<Step> = lines.into_iter().map(|line| (random.below(CLIENTS), line)).collect();
            if bench.run(&steps).is_some() {
                let steps = bench.shrink(steps);
                let failure = bench.run(&steps).unwrap_or_else(|| "it does not fail again".to_owned());
                let script: String =
                    steps.iter().map(|(client, line)| format!("{client}: {}\n", show_line(&line.words))).collect();
                panic!("{}, {kind:?}, KEYWIRE_SEED={seed}\n{script}{failure}", family.name);
            }
        }
    }
}

struct Bench<'a> {
    kind: Kind,
    grammar: &'a Grammar,
    options: &'a [&'a str],
    differences: &'a [Difference],
    server: &'a Server,
}

/// What a client was sent.
#[derive(Clone, PartialEq, Debug)]
enum Got {
    Reply(Reply),
    Push(Vec<Reply>),
}

impl Bench<'_> {
    fn run(&self, steps: &[Step]) -> Option<String> {
        let mut store = Store::new(Config { seed: 7, ..Config::default() });
        for pair in self.options.chunks(2) {
            store.set_by_owner(pair[0].trim_start_matches("--"), pair[1]);
        }
        let mut observer = self.server.connect();
        let mut theirs: Vec<Connection> = (0..CLIENTS).map(|_| self.server.connect_plain()).collect();
        let ours: Vec<ClientId> = (0..CLIENTS).map(|_| store.connect(Peer::default(), now_ms())).collect();
        let hello = Line { words: vec!["HELLO".into(), "3".into()], compare: Compare::Skip };
        let hellos = (0..CLIENTS - 1).map(|client| (client, hello.clone()));
        let flush = Line { words: vec!["FLUSHALL".into()], compare: Compare::Exact };
        let setup = self.grammar.setup.iter().map(|line| (0, line.clone()));
        let mut resp = [2; CLIENTS];
        let begin = hellos.chain([(0, flush)]).chain(setup);
        for (client, line) in begin.chain(steps.iter().cloned()) {
            if store.is_waiting(ours[client]) || !store.is_connected(ours[client]) {
                continue;
            }
            theirs[client].send(&line.words);
            store.handle_command(ours[client], &line.words, now_ms());
            let mut sent: Vec<Vec<Got>> = vec![Vec::new(); CLIENTS];
            store.drain_outputs(|output| {
                if let Output::Protocol { client, resp: version } = output {
                    resp[ours.iter().position(|id| *id == client).unwrap()] = version;
                }
                let (to, got) = match output {
                    Output::Reply { client, reply, .. } => (client, Got::Reply(reply)),
                    Output::Push { client, message } => (client, Got::Push(message)),
                    _ => return,
                };
                sent[ours.iter().position(|id| *id == to).unwrap()].push(got);
            });
            for (to, expected) in sent.iter().enumerate() {
                // In RESP2 all are arrays.
                let plain = resp[to] == 2;
                let received: Vec<Option<Got>> = expected.iter().map(|_| receive(&mut theirs[to])).collect();
                if let Some(difference) = self.differ(&line, expected, &received, plain) {
                    return Some(format!("{}: {} sends to {to}\n{difference}", client, show_line(&line.words)));
                }
            }
            // What comes next over another connection must not overtake a command that waits.
            let waiting = ours.iter().filter(|id| store.is_waiting(**id)).count();
            if store.is_waiting(ours[client]) && !all_wait(&mut observer, waiting) {
                return Some(format!("{client}: {} does not wait", show_line(&line.words)));
            }
        }
        self.nothing_more(&store, &ours, &mut theirs)
    }

    /// Whoever can be asked answers nothing but that.
    fn nothing_more(&self, store: &Store, ours: &[ClientId], theirs: &mut [Connection]) -> Option<String> {
        for (client, id) in ours.iter().enumerate().filter(|(_, id)| !store.is_waiting(**id)) {
            if !store.is_connected(*id) {
                continue;
            }
            theirs[client].send(&["PING".into(), "sentinel".into()]);
            let got = receive(&mut theirs[client]);
            let text = format!("{got:?}");
            // Its user may be one that may not ask; that is an answer too.
            if !["sentinel", "QUEUED", "NOPERM"].iter().any(|answer| text.contains(answer)) {
                return Some(format!("at the end {client} was sent also\n  {text}"));
            }
        }
        None
    }

    fn differ(&self, line: &Line, ours: &[Got], theirs: &[Option<Got>], plain: bool) -> Option<String> {
        let value = |got: &Got| match got {
            Got::Reply(reply) => (false, reply.clone().expanded()),
            Got::Push(message) => (!plain, Reply::Array(message.clone())),
        };
        let equal = |a: &Got, b: &Option<Got>| {
            let Some(b) = b else { return false };
            let ((push, a), (pushed, b)) = (value(a), value(b));
            let (a, b) = if plain { (a.clone(), lifted(&a, &b)) } else { (with_one_null(&a), b) };
            let compare = match (line.compare, &a, &b) {
                (Compare::Skip, ..) => Compare::Skip,
                (_, Reply::Error(_), _) | (_, _, Reply::Error(_)) => Compare::Exact,
                (compare, ..) => compare,
            };
            let known = || self.differences.iter().any(|d| d.servers.contains(&self.kind) && (d.applies)(line, &a, &b));
            push == pushed && (same(compare, &a, &b) || quoted(line, &a, &b) || known())
        };
        // The order between a reply and the messages to the same client is that of newer servers.
        let is = |name: &[u8]| line.words[0].to_ascii_uppercase().ends_with(name);
        let any_order = !self.options.is_empty() || is(b"PUBLISH") || is(b"EXEC");
        let same = match any_order {
            true => ours.iter().all(|a| theirs.iter().any(|b| equal(a, b))),
            false => ours.iter().zip(theirs).all(|(a, b)| equal(a, b)),
        };
        (!same).then(|| format!("  ours   {ours:?}\n  theirs {theirs:?}\n"))
    }

    fn shrink(&self, mut steps: Vec<Step>) -> Vec<Step> {
        let mut runs = 0;
        let mut part = steps.len() / 2;
        while part > 0 {
            let mut at = 0;
            while at < steps.len() && runs < SHRINKS_MAX / 10 {
                let mut shorter = steps.clone();
                shorter.drain(at..(at + part).min(steps.len()));
                runs += 1;
                if self.run(&shorter).is_some() {
                    steps = shorter;
                } else {
                    at += part;
                }
            }
            part /= 2;
        }
        steps
    }
}

/// Two errors that quote bytes that are no text, each in its own way.
pub fn quoted(line: &Line, ours: &Reply, theirs: &Reply) -> bool {
    let is_text = |word: &[u8]| word.iter().all(|b| (b' '..=b'~').contains(b));
    let alike = |a: &[u8], b: &[u8]| a.len() > 12 && b.len() > 12 && a[..12] == b[..12];
    let errors = matches!((ours, theirs), (Reply::Error(a), Reply::Error(b)) if alike(a, b));
    errors && !line.words.iter().all(|word| is_text(word))
}

fn receive(from: &mut Connection) -> Option<Got> {
    Some(match from.receive(Duration::from_millis(1500))? {
        Message::Reply(reply) => Got::Reply(reply),
        Message::Push(message) => Got::Push(message),
    })
}

/// Whether so many clients of the server come to wait.
fn all_wait(observer: &mut Connection, waiting: usize) -> bool {
    (0..400).any(|_| {
        let told = format!("{:?}", observer.ask("INFO clients"));
        let all = told.contains(&format!("blocked_clients:{waiting}\\r"));
        if !all {
            std::thread::sleep(Duration::from_millis(5));
        }
        all
    })
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}
