//! The run: everything that exists, the time, and the list of what happens next.
//!
//! ```text
//!  clients ── network ──► doors ──► lanes ◄── mail ──► lanes
//!     ▲  (delays, stalls, losses)     │▲ (small mailboxes, random turns)
//!     └────────── bytes ◄─────────────┘└── links ──► backend (outages, restarts) ◄── second writer
//! ```
//!
//! A run is one thread and one seed. Every wait is a [`Job`] at a moment of virtual time; jobs of the same moment run in
//! the order they were planned. First everybody acts; then writes stop, the network becomes fast, and everything must
//! come to rest with all copies right; then all clients leave, and nothing may be left.

mod outages;
mod setup;
mod verdict;

use crate::backend::{Backend, Env, Events, Kind, delay};
use crate::checks::Checks;
use crate::client::{Act, Client, Desk};
use crate::copy::{Phase, Source};
use crate::faults::{Fault, Faults};
use crate::network::Socket;
use crate::node::{Shell, shortened};
use crate::plan::Plan;
use crate::post::Post;
use crate::redis::{Step, Trouble};
use crate::trace::Trace;
use crate::words::Author;
use fastrand::Rng;
use model::backend::{BackendEvent, BackendRequest};
use model::request::From;
use model::{Args, Format, LaneId, Time, Verb};
use setup::{new_clients, new_lane};
use std::collections::BTreeMap;

/// Milliseconds since 1970 when a run begins.
const BEGIN_UNIX_MS: u64 = 1_800_000_000_000;
/// Everything must have come to rest so long after the last write.
const SETTLE_MS: u64 = 4000;
/// Those who were refused ask once more so long after the last write.
const ASK_AGAIN_MS: u64 = 3000;
/// And be gone so long after the last client.
const LEAVE_MS: u64 = 1500;

/// What happens at a moment.
pub enum Job {
    /// A lane's thread runs.
    Turn(LaneId),
    /// A request reaches the backend.
    Request(LaneId, BackendRequest),
    /// What the backend tells reaches a lane.
    Deliver(LaneId, BackendEvent),
    /// Bytes reach a door.
    Up(u64),
    /// Bytes reach a client.
    Down(u64),
    /// A socket takes bytes again.
    Room(u64),
    /// The server notices that a client is gone.
    Gone(u64),
    /// A client does something.
    Act(usize),
    /// A client connects.
    Connect(usize),
    /// A client reads again.
    Unstall(usize),
    /// The second writer writes.
    Write,
    /// A program posts commands.
    Post,
    /// The backend is out of reach.
    Lose,
    /// That is noticed.
    Notice,
    /// It is in reach again.
    ComeBack,
    /// Keys are due.
    Expire,
    /// Clients that were refused ask again.
    AskAgain,
    /// Something happens between the gateway and its Redis.
    Redis(Step),
}

/// The way from one place to another on which nothing overtakes.
#[derive(Clone, Copy, Default)]
pub struct Way(Time);

impl Way {
    /// When something sent now arrives.
    pub fn arrival(&mut self, now: Time, delay: u64) -> Time {
        self.0 = self.0.max(Time(now.0 + delay));
        self.0
    }
}

/// Everything.
pub struct World {
    /// What the seed decided.
    pub plan: Plan,
    /// All randomness.
    pub rng: Rng,
    /// The time.
    pub now: Time,
    /// The lanes.
    pub shells: Vec<Shell>,
    /// The backend.
    pub backend: Backend,
    /// By number.
    pub sockets: BTreeMap<u64, Socket>,
    /// Pipelines that wait for replies.
    pub posts: BTreeMap<u64, Post>,
    /// The clients.
    pub clients: Vec<Client>,
    /// The planted fault.
    pub faults: Faults,
    /// What is broken.
    pub checks: Checks,
    /// What happened.
    pub trace: Trace,
    /// From each lane to the backend.
    pub ways_to_backend: Vec<Way>,
    /// From the backend to each lane.
    pub ways_from_backend: Vec<Way>,
    /// Nobody acts any more.
    pub is_settling: bool,
    /// The last connection's number.
    pub next_socket: u64,
    /// A reply that waits for another to change places with.
    pub kept_reply: Option<(LaneId, BackendEvent)>,
    /// What the backend told that lives on a lane's thread, until that lane's turn.
    pub told_here: Events,
    jobs: BTreeMap<(Time, u64), Job>,
    next_job: u64,
    writer: Author,
    is_out: bool,
    /// When the outage is noticed at the latest.
    noticed_at: Time,
    /// What is wrong with the Redis.
    trouble: Option<Trouble>,
    /// The soonest end of a key for which a look at the backend is planned.
    expire_due: Option<Time>,
}

impl World {
    /// The world of this seed, before anything happens.
    pub fn new(seed: u64, fault: Option<Fault>, is_traced: bool) -> World {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::new(seed, &mut rng, fault);
        let mut trace = Trace::new(is_traced);
        trace.line(Time::ZERO, || format!("{plan:?}"));
        let lanes = usize::from(plan.lanes);
        let backend = Backend::new(seed, &plan);
        World {
            shells: (0..plan.lanes).map(|id| Shell::new(new_lane(LaneId(id), &plan, fault))).collect(),
            backend,
            sockets: BTreeMap::new(),
            posts: BTreeMap::new(),
            clients: new_clients(&plan, &mut rng),
            faults: Faults::new(fault),
            checks: Checks::default(),
            trace,
            ways_to_backend: vec![Way::default(); lanes],
            ways_from_backend: vec![Way::default(); lanes],
            is_settling: false,
            next_socket: 0,
            kept_reply: None,
            told_here: Events::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            writer: Author::new("w", plan.has_large_values),
            is_out: false,
            noticed_at: Time::ZERO,
            trouble: None,
            expire_due: None,
            now: Time::from_millis(1),
            rng,
            plan,
        }
    }

    /// Runs it to its end, or to the first broken promise.
    pub fn run(&mut self) {
        self.begin();
        let stop = Time::from_millis(self.plan.active_ms);
        self.run_until(stop);
        self.settle();
        self.run_until(Time(stop.0 + SETTLE_MS * 1000));
        if self.checks.hold() {
            self.check_copies();
            self.check_posts();
            self.count_losses();
        }
        self.leave();
        self.run_until(Time(stop.0 + (SETTLE_MS + LEAVE_MS) * 1000));
        if self.checks.hold() {
            self.check_nothing_left();
        }
    }

    fn begin(&mut self) {
        for client in 0..self.clients.len() {
            let at = Time(self.rng.u64(1000..100_000));
            self.post(at, Job::Connect(client));
            self.post(at, Job::Act(client));
        }
        self.post(Time(5000), Job::Write);
        if self.plan.plains > 0 {
            self.post(Time(9000), Job::Post);
        }
        if self.plan.has_outages {
            let at = self.rng.u64(100..self.plan.active_ms);
            self.post(Time::from_millis(at), Job::Lose);
        }
        if let Some(redis) = &self.plan.redis {
            let gap = redis.mishap_gap;
            self.post(Time(0), Job::Redis(Step::Timeout));
            if gap > 0 {
                self.post(Time(gap), Job::Redis(Step::Mishap));
            }
        }
    }

    /// Plans a job.
    pub fn post(&mut self, at: Time, job: Job) {
        self.next_job += 1;
        self.jobs.insert((at.max(self.now), self.next_job), job);
    }

    /// How long something takes that takes at most `longest` as a rule. When writes have stopped everything is fast, so
    /// that what is still under way comes to its end.
    pub fn delay(&mut self, longest: u64) -> u64 {
        delay(&mut self.rng, self.is_settling, longest)
    }

    fn run_until(&mut self, end: Time) {
        while self.checks.hold()
            && let Some((&(at, number), _)) = self.jobs.first_key_value()
            && at <= end
        {
            self.now = at;
            self.checks.set_now(at);
            if let Some(job) = self.jobs.remove(&(at, number)) {
                self.happen(job);
            }
            self.plan_expiry();
        }
        self.now = self.now.max(end);
        self.checks.set_now(self.now);
    }

    fn happen(&mut self, job: Job) {
        match job {
            Job::Turn(lane) => self.turn(lane),
            Job::Request(lane, request) => {
                self.trace.line(self.now, || format!("{} → backend: {}", lane.0, shortened(&format!("{request:?}"))));
                let events = self.with_backend(|backend, env, out| backend.handle(lane, request, env, out));
                self.dispatch(events);
            }
            Job::Deliver(lane, event) => self.deliver(lane, event),
            Job::Up(socket) => self.read_up(socket),
            Job::Down(socket) => self.read_down(socket),
            Job::Room(socket) => self.room(socket),
            Job::Gone(socket) => self.gone(socket),
            Job::Act(client) => self.act(client),
            Job::Connect(client) => self.connect_client(client),
            Job::Unstall(client) => self.unstall(client),
            Job::Write => self.write_something(),
            Job::Post => self.post_commands(),
            Job::Lose => self.lose(),
            Job::Notice => self.notice(),
            Job::ComeBack => self.come_back(),
            Job::Expire => self.expire(),
            Job::AskAgain => self.ask_again(),
            Job::Redis(step) => {
                let events = self.with_backend(|backend, env, out| backend.step(step, env, out));
                self.dispatch(events);
            }
        }
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(&self) -> u64 {
        BEGIN_UNIX_MS + self.now.0 / 1000
    }

    /// Does something with the backend, and returns what it told.
    pub fn with_backend(&mut self, work: impl FnOnce(&mut Backend, &mut Env<'_>, &mut Events)) -> Events {
        let mut events = Events::new();
        let unix_ms = self.unix_ms();
        let mut later = Vec::new();
        let mut env = Env {
            now: self.now,
            unix_ms,
            plan: &self.plan,
            is_settling: self.is_settling,
            rng: &mut self.rng,
            faults: &mut self.faults,
            checks: &mut self.checks,
            trace: &mut self.trace,
            later: &mut later,
        };
        work(&mut self.backend, &mut env, &mut events);
        later.into_iter().for_each(|(at, job)| self.post(at, job));
        for (lane, event) in &events {
            self.trace.line(self.now, || format!("backend → {}: {}", lane.0, shortened(&format!("{event:?}"))));
        }
        events
    }

    fn plan_expiry(&mut self) {
        let due = self.backend.next_expiry_ms().map(|ms| Time::from_millis(ms.saturating_sub(BEGIN_UNIX_MS)));
        if let Some(due) = due
            && self.expire_due.is_none_or(|planned| due < planned)
        {
            // A server does not expire keys to the millisecond.
            self.expire_due = Some(due);
            let at = Time(due.max(self.now).0 + self.rng.u64(0..30_000));
            self.post(at, Job::Expire);
        }
    }

    fn expire(&mut self) {
        self.expire_due = None;
        let events = self.with_backend(Backend::expire);
        self.dispatch(events);
    }

    fn write_something(&mut self) {
        if self.is_settling {
            return;
        }
        let burst = if self.rng.u8(0..12) == 0 { self.rng.u8(2..25) } else { 1 };
        for _ in 0..burst {
            let command = match self.rng.u16(0..600) {
                0 => vec!["FLUSHALL".to_owned()],
                1..200 => self.writer.publish(&mut self.rng),
                _ => self.writer.write(&mut self.rng),
            };
            self.trace.line(self.now, || format!("writer: {}", shortened(&command.join(" "))));
            let command: Args = command.into_iter().map(bytes::Bytes::from).collect();
            let events = self.with_backend(|backend, env, out| backend.write(&command, env, out));
            self.dispatch(events);
        }
        let delay = self.rng.u64(0..=self.plan.write_gap);
        self.post(Time(self.now.0 + delay), Job::Write);
    }

    /// Bytes have reached a client.
    pub fn client_reads(&mut self, client: usize, socket: u64, bytes: &[u8]) {
        self.trace.line(self.now, || {
            let text = String::from_utf8_lossy(bytes).replace('\n', "↵");
            format!("client {client} reads {}", shortened(&text))
        });
        let acts = self.with_client(client, |client, desk| client.read(bytes, desk));
        self.perform(client, socket, acts);
    }

    fn with_client(&mut self, client: usize, work: impl FnOnce(&mut Client, &mut Desk<'_>)) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut desk = Desk {
            now: self.now,
            history: &self.backend.data.history,
            faults: &mut self.faults,
            rng: &mut self.rng,
            checks: &mut self.checks,
            acts: &mut acts,
        };
        work(&mut self.clients[client], &mut desk);
        acts
    }

    fn perform(&mut self, client: usize, socket: u64, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send(bytes) => {
                    self.trace.line(self.now, || {
                        format!("client {client} sends {}", shortened(&String::from_utf8_lossy(&unmasked(&bytes))))
                    });
                    self.send_up(socket, &bytes);
                }
                Act::Want(command) => self.backend.usages.wanted(&command),
                Act::HangUp => self.hang_up(socket),
                Act::Stall(time) => {
                    self.clients[client].is_stalled = true;
                    self.post(Time(self.now.0 + time), Job::Unstall(client));
                }
            }
        }
    }

    fn act(&mut self, client: usize) {
        if self.is_settling {
            return;
        }
        if let (Some(socket), false) = (self.clients[client].socket, self.clients[client].is_stalled) {
            let acts = self.with_client(client, Client::act);
            self.perform(client, socket, acts);
        }
        let gap = self.rng.u64(0..=self.plan.act_gap);
        self.post(Time(self.now.0 + gap), Job::Act(client));
    }

    fn unstall(&mut self, client: usize) {
        self.clients[client].is_stalled = false;
        self.clients[client].calm_since = self.now;
        if let Some(socket) = self.clients[client].socket {
            self.resume_reading(socket);
        }
    }

    fn connect_client(&mut self, number: usize) {
        if self.clients[number].socket.is_some() {
            return;
        }
        let lane = self.clients[number].lane.unwrap_or_else(|| {
            let open = self.plan.lanes - u16::from(self.plan.restricted_lane.is_some());
            LaneId(self.rng.u16(0..open))
        });
        let format = self.clients[number].format;
        let verb = (format != Format::Native).then(|| self.plain_verb(number));
        // Every other client agrees to compression, except where a planted fault wants boxes that fill.
        let deflates = number % 2 == 1 && self.faults.is_none();
        let agreed = if deflates { format.deflated() } else { format };
        let socket = self.connect(number, lane, agreed, verb);
        self.clients[number].connected(socket, agreed, self.now);
    }

    /// What a connection without a protocol asks for: its only feed, from where it was.
    fn plain_verb(&mut self, number: usize) -> Verb {
        let client = &mut self.clients[number];
        let is_raw = client.format == Format::Raw;
        let copy = &mut client.copies[0];
        let name = |name: &String| bytes::Bytes::from(name.clone());
        match &copy.source {
            Source::Query { command, every, json } => {
                self.backend.usages.wanted(command);
                copy.phase = Phase::Opening;
                let have = copy.tag.as_deref().filter(|_| !is_raw).and_then(model::feed::Tag::parse);
                let command = command.iter().map(name).collect();
                Verb::Live { command, every_ms: *every, json: *json, have }
            }
            Source::Channel(channel) => {
                copy.phase = Phase::Open(0);
                Verb::Subscribe(name(channel))
            }
            Source::Pattern(pattern) => {
                copy.phase = Phase::Open(0);
                Verb::Psubscribe(name(pattern))
            }
            Source::Stream(stream) => {
                let stream = name(stream);
                copy.phase = Phase::Open(0);
                // Who has no place, or was told to begin anew, hears only what is new: of a stream that was trimmed
                // nobody gets all.
                let Some(place) = copy.place.take() else { return Verb::Follow { stream, from: From::End } };
                let result = copy.opened_stream(None, place, &self.backend.data.history);
                self.checks.take("a plain client", result);
                Verb::Follow { stream, from: From::After(place) }
            }
        }
    }

    /// A client has lost its connection: it comes back.
    pub fn lost_connection(&mut self, client: usize) {
        self.trace.line(self.now, || format!("client {client} is disconnected"));
        self.clients[client].disconnected(self.now);
        let delay = self.rng.u64(1000..300_000);
        self.post(Time(self.now.0 + delay), Job::Connect(client));
    }

    /// Writes stop, and everything that was wrong ends.
    fn settle(&mut self) {
        self.trace.line(self.now, || "writes stop".into());
        self.is_settling = true;
        self.end_outages();
        if let Kind::Embedded(embedded) = &mut self.backend.kind {
            embedded.failures_one_in = 0;
        }
        for client in 0..self.clients.len() {
            self.unstall(client);
        }
        self.ask_again();
        self.post(Time(self.now.0 + ASK_AGAIN_MS * 1000), Job::AskAgain);
        if let Some(redis) = &self.plan.redis {
            let at = Time(self.now.0 + redis.current_after_ms() * 1000);
            self.post(at, Job::Redis(Step::MustBeCurrent));
        }
    }

    /// Those that were refused while the backend was out ask once more.
    fn ask_again(&mut self) {
        for client in 0..self.clients.len() {
            if let Some(socket) = self.clients[client].socket {
                let acts = self.with_client(client, Client::open_wanted);
                self.perform(client, socket, acts);
            }
        }
    }

    fn leave(&mut self) {
        self.jobs.retain(|_, job| !matches!(job, Job::Connect(_)));
        let sockets: Vec<u64> = self.sockets.keys().copied().collect();
        sockets.into_iter().for_each(|socket| self.hang_up(socket));
        self.jobs.retain(|_, job| !matches!(job, Job::Connect(_)));
    }
}

fn unmasked(frame: &[u8]) -> Vec<u8> {
    let head = match frame.get(1).map(|len| len & 0x7f) {
        Some(126) => 4,
        Some(127) => 10,
        _ => 2,
    };
    let Some((key, payload)) = frame.get(head..).and_then(|rest| rest.split_at_checked(4)) else { return Vec::new() };
    payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}
