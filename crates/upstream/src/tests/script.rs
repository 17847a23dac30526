//! A machine without a server: the script says what arrives and looks at what comes out.

use super::double::words;
use crate::Upstream;
use crate::interface::{Address, Config, Credentials, Input, LinkId, Notice, Output, Role, Topology};
use bytes::Bytes;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::reply::Frame;
use model::{Args, LaneId, Reply, Ticket, Time, WatchId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub const A: LaneId = LaneId(0);
pub const B: LaneId = LaneId(1);

pub struct Script {
    pub upstream: Upstream,
    pub now: Time,
    /// Every connection that is not closed, in the order they were begun.
    pub links: Vec<(LinkId, Address, Role)>,
    /// Commands that are not answered, by connection.
    pub sent: BTreeMap<LinkId, VecDeque<String>>,
    pub events: Vec<(LaneId, BackendEvent)>,
    pub notices: Vec<Notice>,
    pub credentials: Option<Credentials>,
    /// What the server says of itself.
    pub server: (&'static str, &'static str),
    /// Whether it tracks is answered like all else that shows who is there.
    pub answers_tracking: bool,
}

pub fn tcp(host: &str, port: u16) -> Address {
    Address::Tcp { host: host.to_owned(), port }
}

pub fn line(text: &str) -> Args {
    text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

pub fn bulks(items: &[&str]) -> Reply {
    Reply::Array(items.iter().map(Reply::bulk).collect())
}

pub fn config(topology: Topology) -> Config {
    Config { reread_interval: Duration::ZERO, ..Config::new(topology, 2) }
}

impl Script {
    /// One server; nothing is connected yet.
    pub fn begun(config: Config) -> Script {
        let upstream = Upstream::new(config, Time::from_millis(1000));
        let mut script = Script {
            upstream,
            now: Time::from_millis(1000),
            links: Vec::new(),
            sent: BTreeMap::new(),
            events: Vec::new(),
            notices: Vec::new(),
            credentials: None,
            server: ("redis", "7.0.15"),
            answers_tracking: true,
        };
        script.handle(Input::Timeout);
        script
    }

    pub fn standalone() -> Config {
        config(Topology::Standalone(tcp("r", 6379)))
    }

    /// One server, connected.
    pub fn ready() -> Script {
        Script::ready_with(Script::standalone())
    }

    pub fn ready_with(config: Config) -> Script {
        let mut script = Script::begun(config);
        script.greet_all();
        script.events.clear();
        script.notices.clear();
        script
    }

    pub fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.upstream.handle(input, self.now, &mut out);
        for output in out {
            match output {
                Output::Connect { link, address, role } => self.links.push((link, address, role)),
                Output::Send { link, command } => {
                    assert!(self.links.iter().any(|(known, ..)| *known == link), "sent on a closed connection");
                    self.sent.entry(link).or_default().push_back(words(&command).join(" "));
                }
                Output::Disconnect { link } => self.gone(link),
                Output::Event { lane, event } => self.events.push((lane, event)),
                Output::Notice(notice) => {
                    assert!(!notice.to_string().is_empty());
                    self.notices.push(notice);
                }
            }
        }
    }

    fn gone(&mut self, link: LinkId) {
        self.links.retain(|(known, ..)| *known != link);
        self.sent.remove(&link);
    }

    /// The newest connection of this role.
    #[track_caller]
    pub fn link(&self, role: Role) -> LinkId {
        self.links.iter().rev().find(|(.., of)| *of == role).expect("a connection of this role").0
    }

    #[track_caller]
    pub fn link_at(&self, role: Role, address: &Address) -> LinkId {
        let is = |(_, at, of): &&(LinkId, Address, Role)| *of == role && at == address;
        self.links.iter().rev().find(is).expect("a connection there").0
    }

    pub fn has(&self, role: Role) -> bool {
        self.links.iter().any(|(.., of)| *of == role)
    }

    pub fn connected(&mut self, link: LinkId) {
        let credentials = self.credentials.clone();
        self.handle(Input::Connected { link, credentials });
    }

    /// Every connection is made and says what it is; questions that are not part of that stay.
    pub fn greet_all(&mut self) {
        for _ in 0..20 {
            for (link, ..) in self.links.clone() {
                self.greet(link);
            }
        }
    }

    pub fn greet(&mut self, link: LinkId) {
        if self.phase(link) == "Connecting" {
            self.connected(link);
        }
        while self.phase(link) == "Greeting" {
            let command = self.sent[&link].front().cloned().expect("a question of the handshake");
            self.answer(link, self.greeting(&command));
        }
    }

    fn phase(&self, link: LinkId) -> String {
        self.upstream.shared.links.get(link).map(|link| format!("{:?}", link.phase)).unwrap_or_default()
    }

    fn greeting(&self, command: &str) -> Reply {
        match command.split(' ').next().unwrap() {
            "HELLO" => {
                let pair = |name: &str, value: &str| (Reply::bulk(name), Reply::bulk(value));
                Reply::Map(vec![pair("server", self.server.0), pair("version", self.server.1)])
            }
            "ROLE" => Reply::Array(vec![Reply::bulk("master"), Reply::Int(0), Reply::Array(vec![])]),
            "PING" => Reply::Simple("PONG".into()),
            _ => Reply::OK,
        }
    }

    /// The oldest question of the connection is answered.
    #[track_caller]
    pub fn answer(&mut self, link: LinkId, reply: Reply) {
        self.sent.get_mut(&link).and_then(VecDeque::pop_front).expect("a question");
        self.handle(Input::Received { link, frame: Frame::Reply(reply) });
    }

    /// As [`Script::answer`], after looking at the question.
    #[track_caller]
    pub fn asked(&mut self, link: LinkId, question: &str, reply: Reply) {
        let front = self.sent.get(&link).and_then(|sent| sent.front()).cloned();
        assert_eq!(front.as_deref(), Some(question));
        self.answer(link, reply);
    }

    pub fn oversize(&mut self, link: LinkId, bytes: u64) {
        self.sent.get_mut(&link).and_then(VecDeque::pop_front).expect("a question");
        self.handle(Input::Received { link, frame: Frame::Oversize { push: false, bytes, head: vec![] } });
    }

    pub fn push(&mut self, link: LinkId, push: Vec<Reply>) {
        self.handle(Input::Received { link, frame: Frame::Push(push) });
    }

    pub fn invalidate(&mut self, link: LinkId, key: &str) {
        self.push(link, vec![Reply::bulk("invalidate"), bulks(&[key])]);
    }

    /// The server confirms the subscription that it was asked for.
    #[track_caller]
    pub fn confirm(&mut self, link: LinkId, question: &str) {
        let front = self.sent.get_mut(&link).and_then(VecDeque::pop_front);
        assert_eq!(front.as_deref(), Some(question));
        let (kind, name) = question.split_once(' ').unwrap();
        self.push(link, vec![Reply::bulk(kind.to_lowercase()), Reply::bulk(name), Reply::Int(1)]);
    }

    pub fn cut(&mut self, link: LinkId) {
        self.gone(link);
        self.handle(Input::Closed { link, reason: "cut".to_owned() });
    }

    pub fn request(&mut self, from: LaneId, request: BackendRequest) {
        self.handle(Input::Request { from, request });
    }

    pub fn read(&mut self, from: LaneId, watch: u64, text: &str, keys: &str) {
        let keys: Vec<Bytes> =
            keys.split(' ').filter(|key| !key.is_empty()).map(|key| Bytes::from(key.to_owned())).collect();
        self.request(from, BackendRequest::Read { watch: WatchId(watch), command: line(text), keys: keys.into() });
    }

    /// Reads a key and has the answer: it is armed.
    #[track_caller]
    pub fn watch(&mut self, from: LaneId, watch: u64, key: &str, value: &str) {
        self.read(from, watch, &format!("GET {key}"), key);
        let link = self.link(Role::Tracking);
        self.asked(link, &format!("GET {key}"), Reply::bulk(value));
        self.asked(link, &format!("PTTL {key}"), Reply::Int(-1));
        assert_eq!(self.told(), [(from, value_event(watch, Some(Reply::bulk(value)), None))]);
    }

    pub fn command(&mut self, ticket: u64, text: &str) {
        self.request(A, BackendRequest::Command { ticket: Ticket(ticket), command: line(text) });
    }

    pub fn subscribe(&mut self, from: LaneId, name: &str) {
        self.request(from, BackendRequest::Subscribe { name: channel(name) });
    }

    /// Time passes, and what is due is done.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut rounds = 0;
        while let Some(at) = self.upstream.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.handle(Input::Timeout);
            rounds += 1;
            assert!(
                rounds < 100_000,
                "something is due for ever: {:?} at {:?}",
                self.upstream.next_timeout(),
                self.now
            );
        }
        self.now = end;
    }

    /// As [`Script::pass`], while all that is asked to see who is there is answered.
    pub fn pass_alive(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.pass(Duration::from_millis(10).min(end - self.now));
            for (link, ..) in self.links.clone() {
                while let Some(answer) = self.sent.get(&link).and_then(|sent| self.sign_of_life(sent.front()?)) {
                    self.answer(link, answer);
                }
            }
        }
    }

    fn sign_of_life(&self, question: &str) -> Option<Reply> {
        let on = || Reply::Map(vec![(Reply::bulk("flags"), Reply::Set(vec![Reply::bulk("on")]))]);
        match question {
            "PING" => Some(Reply::Simple("PONG".into())),
            "CLIENT TRACKINGINFO" => self.answers_tracking.then(on),
            _ => None,
        }
    }

    /// What the lanes were told since the last time.
    pub fn told(&mut self) -> Vec<(LaneId, BackendEvent)> {
        std::mem::take(&mut self.events)
    }

    pub fn noticed(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Questions that are not answered.
    pub fn questions(&self, link: LinkId) -> Vec<String> {
        self.sent.get(&link).cloned().unwrap_or_default().into()
    }
}

pub fn channel(name: &str) -> ChannelName {
    ChannelName::Channel(Bytes::from(name.to_owned()))
}

pub fn value_event(watch: u64, reply: Option<Reply>, expires_ms: Option<u64>) -> BackendEvent {
    BackendEvent::Value { watch: WatchId(watch), reply, expires_in: expires_ms.map(Duration::from_millis) }
}

pub fn invalidated(keys: &[&str]) -> BackendEvent {
    BackendEvent::Invalidated { keys: keys.iter().map(|key| Bytes::from((*key).to_owned())).collect() }
}

pub fn replied(ticket: u64, reply: Reply) -> (LaneId, BackendEvent) {
    (A, BackendEvent::Reply { ticket: Ticket(ticket), reply })
}

pub fn to_all(event: BackendEvent) -> Vec<(LaneId, BackendEvent)> {
    vec![(A, event.clone()), (B, event)]
}
