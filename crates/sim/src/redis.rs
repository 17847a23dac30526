//! A simulated Redis, and the machine that knows Redis ([`Upstream`]) between it and the lanes.
//!
//! ```text
//!  lanes ──► Upstream ──► bytes, delayed, split, cut, lost ──► Server (sessions, tracking table) ──► Data
//!        ◄──          ◄──                                  ◄──                                   ◄── second writer
//! ```
//!
//! What is here is what a shell does: it carries out what the machine wants, brings it bytes as frames, and calls it when
//! its time has come. It also counts what each lane asked, for the promise that all of it is answered once.
//!
//! * `link`: one connection, both ends of it and what is on the way
//! * `server`: the Redis; `session`: what each of its connections may say
//! * `trouble`: what goes wrong, from a lost connection to a restart

mod link;
mod server;
mod session;
mod trouble;

pub use trouble::Trouble;

use crate::backend::{Env, Events};
use crate::checks::Check;
use crate::data::{Data, line};
use crate::faults::Fault;
use crate::node::shortened;
use crate::plan::{Plan, RedisPlan};
use crate::usage::Usages;
use crate::world::Job;
use link::Link;
use model::backend::{BackendEvent, BackendRequest};
use model::reply::Frame;
use model::{Args, LaneId, Ticket, Time, WatchId};
use server::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use upstream::{Address, Config, Input, LinkId, Output, Role, Topology, Upstream};

/// So often may the machine's time come within one millisecond.
const TIMEOUTS_MAX: u32 = 200;

/// What happens between the machine and its server at a moment.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The machine's time has come.
    Timeout,
    /// An attempt to connect succeeds or fails.
    Connect(LinkId),
    /// Bytes reach the server.
    Up(LinkId),
    /// Bytes reach the gateway.
    Down(LinkId),
    /// The server has loaded its data, those of this restart.
    Loaded(u64),
    /// Something goes wrong that is no outage.
    Mishap,
    /// Nothing has been wrong for long enough: the lanes are told so.
    MustBeCurrent,
}

/// The machine, its connections and the server.
pub struct Redis {
    upstream: Upstream,
    server: Server,
    /// When a [`Step::Timeout`] is planned.
    timeout_at: Option<Time>,
    /// In the millisecond that is first, how often the machine's time has come.
    timeouts: (u64, u32),
    /// Commands and transactions that are not answered yet.
    tickets: BTreeSet<(LaneId, Ticket)>,
    /// Reads that are not answered yet; with the command of a live query.
    reads: BTreeMap<(LaneId, WatchId), Vec<Option<Vec<String>>>>,
    /// The lanes were told that something is stale, or a read failed.
    had_trouble: bool,
    /// After the outage that goes on everything that is told to be current was read again.
    pub shows_all_anew: bool,
}

impl Redis {
    /// An empty server that nothing is connected to.
    pub fn new(seed: u64, plan: &Plan, redis: &RedisPlan) -> Redis {
        let topology = Topology::Standalone(Address::Tcp { host: "redis".to_owned(), port: 6379 });
        let config = Config {
            stale_after: Duration::from_millis(redis.stale_after_ms),
            silence_max: Duration::from_millis(redis.silence_max_ms),
            connect_max: Duration::from_millis(redis.connect_max_ms),
            reconnect_max: Duration::from_millis(redis.reconnect_max_ms),
            command_wait: Duration::from_millis(redis.command_wait_ms),
            commands_waiting_max: redis.commands_waiting_max,
            reads_in_flight_max: redis.reads_in_flight_max,
            value_bytes_max: redis.value_bytes_max,
            reread_interval: Duration::from_millis(redis.reread_ms),
            seed,
            ..Config::new(topology, plan.lanes)
        };
        Redis {
            upstream: Upstream::new(config, Time::ZERO),
            server: Server::new(redis),
            timeout_at: None,
            timeouts: (0, 0),
            tickets: BTreeSet::new(),
            reads: BTreeMap::new(),
            had_trouble: false,
            shows_all_anew: false,
        }
    }

    /// A request of a lane.
    pub fn handle(
        &mut self,
        from: LaneId,
        request: BackendRequest,
        usages: &mut Usages,
        env: &mut Env<'_>,
        out: &mut Events,
    ) {
        let mut times = 1;
        match &request {
            BackendRequest::Command { ticket, .. } | BackendRequest::Transaction { ticket, .. } => {
                let is_new = self.tickets.insert((from, *ticket));
                env.checks.require(is_new, Check::Answers, || format!("{ticket:?} is asked twice by {from:?}"));
            }
            BackendRequest::Read { watch, command, keys } => {
                let words = line(command);
                usages.read(&words, from, env.checks);
                if !keys.is_empty() {
                    usages.check(&words, env.checks);
                }
                self.reads.entry((from, *watch)).or_default().push(Some(words));
                times += u32::from(env.faults.strikes(Fault::RepeatRead, 20, env.rng));
            }
            BackendRequest::Range { watch, .. } => self.reads.entry((from, *watch)).or_default().push(None),
            BackendRequest::Forget { .. } | BackendRequest::Unsubscribe { .. } => {
                times -= u32::from(env.faults.strikes(Fault::DropForget, 4, env.rng));
            }
            BackendRequest::Subscribe { .. } => {}
        }
        for _ in 0..times {
            self.input(Input::Request { from, request: request.clone() }, usages, env, out);
        }
    }

    /// Something happens between the machine and the server.
    pub fn step(&mut self, step: Step, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        match step {
            Step::Timeout => self.timeout(usages, env, out),
            Step::Connect(link) => self.connect(link, data, usages, env, out),
            Step::Up(link) => self.server.bytes_arrive(link, data, usages, env),
            Step::Down(link) => self.bytes_arrive(link, data, usages, env, out),
            Step::Loaded(restart) => self.server.loaded(restart, env),
            Step::Mishap => self.mishap(data, env),
            Step::MustBeCurrent => {
                let is_stale = self.upstream.statistics().stale;
                env.checks.require(!is_stale, Check::NoSilentLoss, || "the server serves, and is stale still".into());
                env.checks.count("current again in time", u64::from(self.had_trouble));
            }
        }
        self.server.send(env);
    }

    /// The second writer writes, if the server is there.
    pub fn write(&mut self, command: &Args, data: &mut Data, env: &mut Env<'_>) {
        if self.server.serves() {
            self.server.write(command, data, env);
            self.server.send(env);
        }
    }

    /// Keys have ended: the server tells of it.
    pub fn tell(&mut self, data: &mut Data, env: &mut Env<'_>) {
        self.server.tell(data, env);
        self.server.send(env);
    }

    /// Whether keys are removed when they end, though nobody asks for them.
    pub fn expires(&self) -> bool {
        self.server.serves() && self.server.expires
    }

    fn input(&mut self, input: Input, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        let mut outputs = Vec::new();
        self.upstream.handle(input, env.now, &mut outputs);
        for output in outputs {
            self.obey(output, usages, env, out);
        }
        self.plan_timeout(env);
    }

    fn obey(&mut self, output: Output, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        match output {
            Output::Connect { link, role, .. } => {
                env.trace.line(env.now, || format!("{} connects for {}", link.0, role.as_str()));
                self.server.links.insert(link, Link::new(role, self.server.value_bytes_max));
                self.server.check_links(env);
                let slow = if env.faults.always(Fault::SlowConnect) { 2_000_000 } else { 0 };
                let at = env.soon(self.server.link_delay) + Duration::from_micros(slow);
                env.later.push((at, Job::Redis(Step::Connect(link))));
            }
            Output::Send { link, command } => {
                env.trace.line(env.now, || format!("{} ⇐ {}", link.0, shortened(&line(&command).join(" "))));
                if let Some(found) = self.server.links.get_mut(&link) {
                    let is_client = found.role == Role::Commands;
                    let times = if is_client && env.faults.strikes(Fault::RepeatCommand, 40, env.rng) { 2 } else { 1 };
                    (0..times).for_each(|_| found.write(&command));
                    self.server.plan_up(link, env);
                }
            }
            Output::Disconnect { link } => {
                env.trace.line(env.now, || format!("{} is given up", link.0));
                self.server.hang_up(link, env);
            }
            Output::Event { lane, event } => {
                self.told(lane, &event, usages, env);
                out.push((lane, event));
            }
            Output::Notice(notice) => env.trace.line(env.now, || format!("notice: {notice}")),
        }
    }

    /// What the machine tells a lane must answer something that it asked, or be news.
    fn told(&mut self, lane: LaneId, event: &BackendEvent, usages: &mut Usages, env: &mut Env<'_>) {
        match event {
            BackendEvent::Reply { ticket, .. } => {
                let is_asked = self.tickets.remove(&(lane, *ticket));
                env.checks.require(is_asked, Check::Answers, || {
                    format!("{ticket:?} of {lane:?} was not asked, or answered before")
                });
            }
            BackendEvent::Value { watch, reply, expires_in } => {
                let words = self.answered(lane, *watch, env).flatten();
                if let Some(words) = words.filter(|_| reply.is_none() || expires_in.is_some()) {
                    usages.reason(&words);
                }
                self.had_trouble |= reply.is_none();
            }
            BackendEvent::Range { watch, range } => {
                self.answered(lane, *watch, env);
                self.had_trouble |= range.is_none();
            }
            BackendEvent::Stale(true) => self.had_trouble = true,
            _ => {}
        }
    }

    fn answered(&mut self, lane: LaneId, watch: WatchId, env: &mut Env<'_>) -> Option<Option<Vec<String>>> {
        let reads = self.reads.get_mut(&(lane, watch)).filter(|reads| !reads.is_empty());
        env.checks.require(reads.is_some(), Check::Answers, || {
            format!("the read of {watch:?} by {lane:?} was not asked, or answered before")
        });
        reads.map(|reads| reads.remove(0))
    }

    /// Calls the machine when it wants to be called, and a little late as a rule.
    fn plan_timeout(&mut self, env: &mut Env<'_>) {
        let Some(due) = self.upstream.next_timeout() else { return };
        if env.now > Time::from_millis(500) && env.faults.always(Fault::StopClock) {
            return;
        }
        let at = env.soon(300).max(due);
        if self.timeout_at.is_none_or(|planned| at < planned) {
            self.timeout_at = Some(at);
            env.later.push((at, Job::Redis(Step::Timeout)));
        }
    }

    fn timeout(&mut self, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        if self.timeout_at.is_none_or(|at| at > env.now) {
            return;
        }
        self.timeout_at = None;
        if self.upstream.next_timeout().is_none_or(|due| due > env.now) {
            return self.plan_timeout(env);
        }
        let ms = env.now.0 / 1000;
        self.timeouts = if self.timeouts.0 == ms { (ms, self.timeouts.1 + 1) } else { (ms, 1) };
        let times = self.timeouts.1;
        env.checks.require(times < TIMEOUTS_MAX, Check::BoundedMemory, || {
            format!("the machine's time has come {times} times within a millisecond")
        });
        self.input(Input::Timeout, usages, env, out);
    }

    /// The outcome of an attempt to connect.
    fn connect(&mut self, id: LinkId, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        match self.server.accept(id, env) {
            link::Accepted::Gone => {}
            link::Accepted::Later => {
                // Nobody answers the first packet: it is sent again.
                let at = env.soon(50_000);
                env.later.push((Time(at.0 + 1000), Job::Redis(Step::Connect(id))));
            }
            link::Accepted::No(reason) => {
                self.server.forget(id, data);
                self.input(Input::Closed { link: id, reason: reason.to_owned() }, usages, env, out);
            }
            link::Accepted::Yes => {
                self.input(Input::Connected { link: id, credentials: None }, usages, env, out);
            }
        }
    }

    /// Bytes have reached the gateway.
    fn bytes_arrive(&mut self, id: LinkId, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        let frames = self.server.take_arrived(id, env);
        let Some((frames, end)) = frames else { return };
        if frames.is_empty() && end.is_none() && env.rng.bool() {
            self.input(Input::Heard { link: id }, usages, env, out);
        }
        for frame in frames {
            if !self.server.links.get(&id).is_some_and(|link| link.is_here) {
                return;
            }
            env.trace.line(env.now, || format!("{} ⇒ {}", id.0, shortened(&text(&frame))));
            self.input(Input::Received { link: id, frame }, usages, env, out);
        }
        if let Some(reason) = end
            && self.server.links.get(&id).is_some_and(|link| link.is_here)
        {
            env.trace.line(env.now, || format!("{} has ended: {reason}", id.0));
            self.server.forget(id, data);
            self.input(Input::Closed { link: id, reason }, usages, env, out);
        }
    }

    /// What waits for an answer, is armed or subscribed.
    pub fn remembers(&self) -> Option<String> {
        let numbers = self.upstream.statistics();
        let reads: usize = self.reads.values().map(Vec::len).sum();
        let left = [
            ("commands that are not answered", self.tickets.len() as u64),
            ("reads that are not answered", reads as u64),
            ("commands under way", numbers.commands_in_flight),
            ("commands that wait", numbers.commands_waiting),
            ("reads under way", numbers.reads_in_flight),
            ("reads that wait", numbers.reads_waiting),
            ("armed keys", numbers.armed),
            ("channels", numbers.channels),
            ("subscriptions at the server", self.server.subscriptions()),
        ];
        let left: Vec<String> =
            left.into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
        (!left.is_empty()).then(|| left.join(", "))
    }
}

fn text(frame: &Frame) -> String {
    match frame {
        Frame::Reply(reply) => format!("{reply:?}"),
        other => format!("{other:?}"),
    }
}
