//! A machine, a small Redis and lanes that do what `live` does, in every order in which things can happen.
//!
//! The lanes read again when they are told to, one read at a time, and keep the last value. At rest it must be the
//! server's. Each command must have one answer. Of a channel that a lane was told is in force every message must come, or
//! it must be told that some may be missing.

use super::double::{Double, words};
use crate::interface::{Address, Config, Input, LinkId, Output, Role, Topology};
use crate::{Statistics, Upstream};
use bytes::Bytes;
use explore::World;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::reply::Frame;
use model::{Args, LaneId, Reply, Ticket, Time, WatchId};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::time::Duration;

/// What someone does, in order.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Someone else writes or publishes.
    Write(&'static str),
    /// The lane begins to watch the key.
    Watch(u16, &'static str),
    /// The lane does not watch it any more.
    Forget(u16, &'static str),
    /// The lane sends a client's command.
    Command(u16, &'static str),
    /// The lane subscribes.
    Subscribe(u16, &'static str),
    /// The lane does not want to hear it any more.
    Unsubscribe(u16, &'static str),
    /// The connection of this role is cut.
    Cut(Role),
    /// The other server of a cluster owns all slots now.
    Move,
}

/// What is wrong with the machine, or so it seems to the lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    #[default]
    None,
    /// As if keys were armed when a read is sent.
    ArmAtSend,
    /// As if nothing were told after a new connection.
    NoReread,
    /// As if a lost connection to channels were nothing to tell of.
    NoInterrupted,
    /// As if a second lane of a key were not told.
    OneLane,
    /// As if a lost connection's commands were forgotten.
    NoUnavailable,
    /// As if only servers told of changes, and no map.
    NoMoved,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Choice {
    /// The actor does its next act.
    Act(usize),
    /// The server does the connection's next command.
    Do(LinkId),
    /// The next frame arrives.
    Arrive(LinkId),
    /// Time passes until something is due.
    Wait,
}

#[derive(Clone, Debug)]
pub struct Small {
    pub upstream: Upstream,
    pub servers: Vec<Double>,
    /// Which server a connection is to.
    at: BTreeMap<LinkId, usize>,
    /// Who owns the keys.
    owner: usize,
    /// A push is being handled.
    is_pushed: bool,
    actors: Vec<VecDeque<Act>>,
    lanes: BTreeMap<u16, Lane>,
    fault: Fault,
    now: Time,
    tickets: u64,
    watches: u64,
    answers: BTreeMap<u64, u32>,
    /// Keys whose arming the fault has used up.
    used_up: Vec<(u16, String)>,
}

#[derive(Clone, Debug, Default)]
struct Lane {
    watches: BTreeMap<u64, Watch>,
    channels: BTreeMap<String, Channel>,
    stale: bool,
}

#[derive(Clone, Debug)]
struct Watch {
    key: String,
    value: Option<Option<String>>,
    dirty: bool,
    reading: bool,
    retry: bool,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    in_force: bool,
    /// How much was published when it was told to be in force, or that something was lost.
    since: usize,
    heard: Vec<String>,
}

impl Small {
    pub fn new(fault: Fault, actors: Vec<Vec<Act>>) -> Small {
        Small::with(Double::default(), fault, actors)
    }

    /// Two servers of a cluster, of which the first owns all slots, and a machine that knows.
    pub fn cluster(fault: Fault, actors: Vec<Vec<Act>>) -> Small {
        let seed = Address::Tcp { host: "n".to_owned(), port: 0 };
        let servers = (0..2).map(|this| Double { cluster: Some((0, this, 1)), ..Double::default() }).collect();
        let mut world = Small::of(Topology::Cluster { seeds: vec![seed] }, servers, fault, actors);
        while let Some(choice) = world.choices().into_iter().find(|choice| !matches!(choice, Choice::Act(_))) {
            world.take(&choice).unwrap();
        }
        world
    }

    pub fn with(server: Double, fault: Fault, actors: Vec<Vec<Act>>) -> Small {
        Small::of(Topology::Standalone(Address::Unix("redis".into())), vec![server], fault, actors)
    }

    fn of(topology: Topology, servers: Vec<Double>, fault: Fault, actors: Vec<Vec<Act>>) -> Small {
        let config = Config {
            stale_after: Duration::from_secs(7200),
            silence_max: Duration::from_secs(7200),
            reread_interval: Duration::ZERO,
            ..Config::new(topology, 2)
        };
        let mut world = Small {
            upstream: Upstream::new(config, Time::ZERO),
            servers,
            at: BTreeMap::new(),
            owner: 0,
            is_pushed: false,
            actors: actors.into_iter().map(VecDeque::from).collect(),
            lanes: (0..2).map(|lane| (lane, Lane::default())).collect(),
            fault,
            now: Time::ZERO,
            tickets: 0,
            watches: 0,
            answers: BTreeMap::new(),
            used_up: Vec::new(),
        };
        world.handle(Input::Timeout);
        world
    }

    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Vec::new();
            self.upstream.handle(input, self.now, &mut out);
            self.upstream.shared.statistics = Statistics::default();
            for output in out {
                match output {
                    Output::Connect { link, role, address } => {
                        let at = match address {
                            Address::Tcp { port, .. } => port.into(),
                            Address::Unix(_) => 0,
                        };
                        self.at.insert(link, at);
                        self.servers[at].accept(link, role);
                        inputs.push_back(Input::Connected { link, credentials: None });
                    }
                    Output::Send { link, command } => {
                        let server = &mut self.servers[self.at[&link]];
                        server.send(link, command);
                        // The handshake is of one piece: other tests take it apart.
                        if !self.upstream.shared.links.get(link).is_some_and(|link| link.is_ready()) {
                            server.step(link);
                            let conn = server.conns.get_mut(&link).unwrap();
                            inputs.extend(conn.outbox.drain(..).map(|frame| Input::Received { link, frame }));
                        }
                    }
                    Output::Disconnect { link } => self.servers[self.at[&link]].hang_up(link),
                    Output::Event { lane, event } => inputs.extend(self.told(lane.0, event)),
                    Output::Notice(_) => {}
                }
            }
        }
    }

    fn told(&mut self, id: u16, event: BackendEvent) -> Vec<Input> {
        let published = self.servers[0].published.len();
        let lane = self.lanes.get_mut(&id).unwrap();
        match event {
            BackendEvent::Value { watch, reply, .. } => {
                let Some(watch) = lane.watches.get_mut(&watch.0) else { return vec![] };
                assert!(std::mem::take(&mut watch.reading), "an answer to no read");
                match reply {
                    Some(Reply::Bulk(value)) => watch.value = Some(Some(String::from_utf8(value.to_vec()).unwrap())),
                    Some(Reply::Null) => watch.value = Some(None),
                    Some(other) => panic!("{other:?}"),
                    None => (watch.dirty, watch.retry) = (true, true),
                }
            }
            BackendEvent::Invalidated { keys } => {
                for key in words(&keys) {
                    let used_up = self.used_up.iter().position(|used| *used == (id, key.clone()));
                    if let Some(at) = used_up {
                        self.used_up.remove(at);
                        continue;
                    }
                    if self.fault == Fault::NoMoved && !self.is_pushed {
                        continue;
                    }
                    if self.fault == Fault::OneLane && id > 0 {
                        continue;
                    }
                    lane.watches.values_mut().filter(|watch| watch.key == key).for_each(|watch| watch.dirty = true);
                }
            }
            BackendEvent::InvalidatedAll if self.fault == Fault::NoReread => {}
            BackendEvent::InvalidatedAll => lane.watches.values_mut().for_each(|watch| watch.dirty = true),
            BackendEvent::Reply { ticket, reply } => {
                let is_unavailable = matches!(&reply, Reply::Error(text) if text.starts_with(b"UNAVAILABLE"));
                if !(is_unavailable && self.fault == Fault::NoUnavailable) {
                    *self.answers.entry(ticket.0).or_default() += 1;
                }
            }
            BackendEvent::Subscribed { name: ChannelName::Channel(name) } => {
                let channel = lane.channels.entry(words(&[name])[0].clone()).or_default();
                if !channel.in_force {
                    *channel = Channel { in_force: true, since: published, heard: Vec::new() };
                }
            }
            BackendEvent::Message { channel, message, .. } => {
                let words = words(&[channel, message]);
                if let Some(channel) = lane.channels.get_mut(&words[0]) {
                    channel.heard.push(words[1].clone());
                }
            }
            BackendEvent::Interrupted if self.fault == Fault::NoInterrupted => {}
            BackendEvent::Interrupted => lane.channels.values_mut().for_each(|channel| {
                (channel.since, channel.heard) = (published, Vec::new());
            }),
            BackendEvent::Stale(stale) => lane.stale = stale,
            other => panic!("{other:?}"),
        }
        self.reads(id)
    }

    /// The reads that the lane wants now.
    fn reads(&mut self, id: u16) -> Vec<Input> {
        let lane = self.lanes.get_mut(&id).unwrap();
        if lane.stale {
            return vec![];
        }
        let due = lane.watches.iter_mut().filter(|(_, watch)| watch.dirty && !watch.reading && !watch.retry);
        due.map(|(number, watch)| {
            (watch.dirty, watch.reading) = (false, true);
            let key = Bytes::from(watch.key.clone());
            let request = BackendRequest::Read {
                watch: WatchId(*number),
                command: Args::from([Bytes::from_static(b"GET"), key.clone()]),
                keys: [key].into(),
            };
            Input::Request { from: LaneId(id), request }
        })
        .collect()
    }

    fn act(&mut self, act: Act) {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let ask = |lane, request| Input::Request { from: LaneId(lane), request };
        match act {
            Act::Write(line) => self.servers[self.owner].write(line),
            Act::Move => {
                let (from, to) = self.servers.split_at_mut(1);
                let (from, to) = if self.owner == 0 { (&mut from[0], &mut to[0]) } else { (&mut to[0], &mut from[0]) };
                from.migrate(to);
                self.owner = 1 - self.owner;
                for server in &mut self.servers {
                    let (_, this, epoch) = server.cluster.unwrap();
                    server.cluster = Some((self.owner as u16, this, epoch + 1));
                }
            }
            Act::Watch(lane, key) => {
                let watch = Watch { key: key.to_owned(), value: None, dirty: true, reading: false, retry: false };
                let watches = &mut self.lanes.get_mut(&lane).unwrap().watches;
                self.watches += 1;
                watches.insert(self.watches, watch);
                self.reads(lane).into_iter().for_each(|input| self.handle(input));
            }
            Act::Forget(lane, key) => {
                self.lanes.get_mut(&lane).unwrap().watches.retain(|_, watch| watch.key != key);
                self.handle(ask(lane, BackendRequest::Forget { keys: [bytes(key)].into() }));
            }
            Act::Command(lane, line) => {
                self.tickets += 1;
                let ticket = Ticket(self.tickets);
                let parse = |line: &'static str| line.split(' ').map(bytes).collect::<Args>();
                let request = match line.strip_prefix("MULTI ") {
                    Some(rest) => {
                        BackendRequest::Transaction { ticket, commands: rest.split("; ").map(parse).collect() }
                    }
                    None => BackendRequest::Command { ticket, command: parse(line) },
                };
                self.handle(ask(lane, request));
            }
            Act::Subscribe(lane, name) => {
                let name = ChannelName::Channel(bytes(name));
                self.handle(ask(lane, BackendRequest::Subscribe { name }));
            }
            Act::Unsubscribe(lane, name) => {
                self.lanes.get_mut(&lane).unwrap().channels.remove(name);
                let name = ChannelName::Channel(bytes(name));
                self.handle(ask(lane, BackendRequest::Unsubscribe { name }));
            }
            Act::Cut(role) => {
                let mut conns = self.servers.iter().flat_map(|server| &server.conns);
                let link = conns.find(|(_, conn)| conn.role == role).map(|(link, _)| *link);
                if let Some(link) = link {
                    self.servers[self.at[&link]].hang_up(link);
                    self.handle(Input::Closed { link, reason: "cut".to_owned() });
                }
            }
        }
    }

    fn arrive(&mut self, link: LinkId) {
        let server = &mut self.servers[self.at[&link]];
        let frame = server.conns.get_mut(&link).unwrap().outbox.pop_front().unwrap();
        if let (Fault::ArmAtSend, Frame::Push(push)) = (self.fault, &frame)
            && let Some(Reply::Array(keys)) = push.get(1)
            && let Some(Reply::Bulk(key)) = keys.first()
        {
            let key = words(std::slice::from_ref(key))[0].clone();
            for (id, lane) in &self.lanes {
                if lane.watches.values().any(|watch| watch.reading && watch.key == key) {
                    self.used_up.push((*id, key.clone()));
                }
            }
        }
        self.is_pushed = matches!(frame, Frame::Push(_));
        self.handle(Input::Received { link, frame });
        self.is_pushed = false;
    }

    fn is_settled(&self) -> bool {
        let lanes = self.lanes.values();
        let clean = lanes.flat_map(|lane| lane.watches.values()).all(|watch| !watch.dirty && !watch.reading);
        let mut owners = self.upstream.map.route(Some(0)).and_then(|node| self.upstream.nodes.get(node)).into_iter();
        let is_owner = |address: &Address| match address {
            Address::Tcp { port, .. } => usize::from(*port) == self.owner,
            Address::Unix(_) => true,
        };
        let epoch = self.servers[0].cluster.map(|(_, _, epoch)| epoch.into());
        // A change that no map has shown is noticed when the map is asked for the next time.
        let knows = owners.any(|node| is_owner(&node.address)) && self.upstream.map.epoch() == epoch;
        knows && clean && self.upstream.nodes.iter().all(|node| node.next_connect().is_none())
    }
}

impl World for Small {
    type Choice = Choice;

    fn choices(&self) -> Vec<Choice> {
        let mut choices: Vec<Choice> = Vec::new();
        choices.extend((0..self.actors.len()).filter(|at| !self.actors[*at].is_empty()).map(Choice::Act));
        for (link, conn) in self.servers.iter().flat_map(|server| &server.conns) {
            choices.extend((!conn.inbox.is_empty()).then_some(Choice::Do(*link)));
            choices.extend((!conn.outbox.is_empty()).then_some(Choice::Arrive(*link)));
        }
        let is_quiet = !choices.iter().any(|choice| !matches!(choice, Choice::Act(_)));
        if is_quiet && !self.is_settled() {
            choices.push(Choice::Wait);
        }
        choices
    }

    fn take(&mut self, choice: &Choice) -> Result<(), String> {
        match choice {
            Choice::Act(actor) => {
                let act = self.actors[*actor].pop_front().unwrap();
                self.act(act);
            }
            Choice::Do(link) => self.servers[self.at[link]].step(*link),
            Choice::Arrive(link) => self.arrive(*link),
            Choice::Wait => {
                self.now = self.upstream.next_timeout().ok_or("nothing is due")?.max(self.now);
                for lane in self.lanes.values_mut() {
                    lane.watches.values_mut().for_each(|watch| watch.retry = false);
                }
                self.handle(Input::Timeout);
                for lane in [0, 1] {
                    self.reads(lane).into_iter().for_each(|input| self.handle(input));
                }
            }
        }
        Ok(())
    }

    fn check_rest(&self) -> Result<(), String> {
        for (id, lane) in &self.lanes {
            for watch in lane.watches.values() {
                let is = self.servers[self.owner].keys.get(&watch.key).cloned();
                if watch.value.as_ref() != Some(&is) {
                    return Err(format!("lane {id} shows {:?} of {}, which is {is:?}", watch.value, watch.key));
                }
            }
            for (name, channel) in lane.channels.iter().filter(|(_, channel)| channel.in_force) {
                let all = self.servers[0].published[channel.since..].iter();
                let due: Vec<&String> = all.filter(|(to, _)| to == name).map(|(_, text)| text).collect();
                if !channel.heard.iter().rev().take(due.len()).rev().eq(due.iter().copied()) {
                    return Err(format!("lane {id} heard {:?} of {name} for {due:?}", channel.heard));
                }
            }
        }
        for ticket in 1..=self.tickets {
            let answers = self.answers.get(&ticket).copied().unwrap_or(0);
            if answers != 1 {
                return Err(format!("command {ticket} has {answers} answers"));
            }
        }
        Ok(())
    }

    fn fingerprint(&self, into: &mut impl Write) -> std::fmt::Result {
        let mut world = self.clone();
        // Time only passes when nothing else can happen.
        world.now = Time::ZERO;
        write!(into, "{world:?}")
    }
}
