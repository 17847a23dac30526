//! The node's lanes on their threads, driven as `crates/runtime` drives them: mailboxes with little room, turns in a
//! random order, and between them the way from the backend that drops what can be made good.
//!
//! A [`Shell`] is one lane with its mailbox; the steps of a turn are those of `runtime::shell`. What differs is that
//! everything happens in one thread and on time that the world decides.

mod sabotage;

use crate::backend::Events;
use crate::checks::Check;
use crate::faults::Fault;
use crate::network::Socket;
use crate::words;
use crate::world::{Job, World};
use lane::{Event, Lane, Mail, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::{ConnId, LaneId, Time};
use std::collections::BTreeMap;

/// Rounds between a lane and the backend on its thread before sockets are served.
const ROUNDS_MAX: usize = 16;
/// So much may a link hold over its limit: letters that may not be lost.
const LINK_SLACK: u64 = 160 << 10;

/// What goes through a mailbox.
pub enum Letter {
    /// From another lane.
    Mail(LaneId, Mail),
    /// From the backend.
    Event(BackendEvent),
    /// For the backend on this lane's thread.
    Request(LaneId, BackendRequest),
}

/// One lane with its mailbox.
pub struct Shell {
    /// The lane.
    pub lane: Lane,
    /// What it wants, until its turn.
    pub outputs: Vec<Output>,
    /// Its clients' sockets.
    pub sockets: BTreeMap<ConnId, u64>,
    letters: Vec<Letter>,
    bytes: usize,
    /// Lanes that wait for room in the mailbox.
    waiting: Vec<LaneId>,
    /// When its next turn is.
    turn_at: Option<Time>,
    /// Messages, or news of changes, did not fit into the mailbox.
    owes_interrupted: bool,
    owes_invalidated: bool,
    /// Turns in a row after which all outboxes together were over their limit.
    over_total: u32,
}

impl Shell {
    /// A lane nothing has happened to.
    pub fn new(lane: Lane) -> Shell {
        Shell {
            lane,
            outputs: Vec::new(),
            sockets: BTreeMap::new(),
            letters: Vec::new(),
            bytes: 0,
            waiting: Vec::new(),
            turn_at: None,
            owes_interrupted: false,
            owes_invalidated: false,
            over_total: 0,
        }
    }

    fn post(&mut self, letter: Letter, bytes: usize) {
        self.letters.push(letter);
        self.bytes += bytes;
    }
}

impl World {
    /// The lane has something to do: it gets a turn soon.
    pub fn wake(&mut self, lane: LaneId) {
        let delay = self.delay(self.plan.turn_delay);
        self.turn_by(lane, Time(self.now.0 + delay));
    }

    fn turn_by(&mut self, lane: LaneId, at: Time) {
        let shell = &mut self.shells[usize::from(lane.0)];
        if shell.turn_at.is_none_or(|planned| planned > at) {
            shell.turn_at = Some(at);
            self.post(at, Job::Turn(lane));
        }
    }

    /// An event for a lane, from a door.
    pub fn tell_lane(&mut self, lane: LaneId, event: Event) {
        let shell = &mut self.shells[usize::from(lane.0)];
        shell.lane.handle(event, self.now, &mut shell.outputs);
        self.wake(lane);
    }

    /// One turn of a lane.
    pub fn turn(&mut self, lane: LaneId) {
        let at = usize::from(lane.0);
        if self.shells[at].turn_at != Some(self.now) {
            return;
        }
        self.shells[at].turn_at = None;
        self.take_letters(lane);
        self.fire_timer(lane);
        for _ in 0..ROUNDS_MAX {
            if !self.serve_backend(lane) {
                break;
            }
        }
        let shell = &mut self.shells[at];
        shell.lane.end_turn(self.now, &mut shell.outputs);
        while let Some(conn) = self.shells[at].lane.next_dirty() {
            if let Some(&socket) = self.shells[at].sockets.get(&conn) {
                self.write(socket);
            }
        }
        self.obey(lane);
        self.post_mail(lane);
        self.check_bounds(lane);
        if !self.shells[at].outputs.is_empty() || self.shells[at].lane.wants_turn() {
            self.wake(lane);
        }
        if let Some(timeout) = self.shells[at].lane.next_timeout() {
            self.turn_by(lane, timeout.max(Time(self.now.0 + 1)));
        }
    }

    fn take_letters(&mut self, lane: LaneId) {
        let shell = &mut self.shells[usize::from(lane.0)];
        shell.bytes = 0;
        let (letters, waiting) = (std::mem::take(&mut shell.letters), std::mem::take(&mut shell.waiting));
        waiting.into_iter().for_each(|waiting| self.wake(waiting));
        for letter in letters {
            match letter {
                Letter::Mail(from, mail) => self.handle(lane, Event::Mail { from, mail }),
                Letter::Event(event) => self.handle(lane, Event::Backend(event)),
                Letter::Request(from, request) => self.ask_here(from, request),
            }
        }
        self.pay_debts(lane);
    }

    fn handle(&mut self, lane: LaneId, event: Event) {
        match &event {
            Event::Backend(BackendEvent::Invalidated { keys }) => self.backend.usages.heard(Some(keys)),
            Event::Backend(BackendEvent::InvalidatedAll) => self.backend.usages.heard(None),
            Event::Backend(BackendEvent::Value { .. }) if self.faults.strikes(Fault::ReadStorm, 4, &mut self.rng) => {
                let keys = words::keys().map(bytes::Bytes::from).collect();
                let shell = &mut self.shells[usize::from(lane.0)];
                shell.lane.handle(Event::Backend(BackendEvent::Invalidated { keys }), self.now, &mut shell.outputs);
            }
            _ => {}
        }
        let shell = &mut self.shells[usize::from(lane.0)];
        shell.lane.handle(event, self.now, &mut shell.outputs);
    }

    fn fire_timer(&mut self, lane: LaneId) {
        if self.shells[usize::from(lane.0)].lane.next_timeout().is_some_and(|at| at <= self.now) {
            self.handle(lane, Event::Timeout);
        }
    }

    /// Sends requests to the backend. Returns whether something came back at once.
    fn serve_backend(&mut self, lane: LaneId) -> bool {
        let outputs = std::mem::take(&mut self.shells[usize::from(lane.0)].outputs);
        let (requests, others): (Vec<_>, Vec<_>) =
            outputs.into_iter().partition(|output| matches!(output, Output::Backend(_)));
        self.shells[usize::from(lane.0)].outputs.extend(others);
        let requests = requests.into_iter().filter_map(|output| match output {
            Output::Backend(request) => Some(request),
            _ => None,
        });
        let mut requests: Vec<BackendRequest> = requests.collect();
        self.tamper_with_requests(&mut requests);
        let home = self.plan.backend_lane;
        let mut moved = home == Some(lane) && !requests.is_empty();
        for request in requests {
            match home {
                Some(home) if home == lane => self.ask_here(lane, request),
                Some(home) => {
                    self.shells[usize::from(home.0)].post(Letter::Request(lane, request), 0);
                    self.wake(home);
                }
                None => {
                    let delay = self.delay(self.plan.backend_delay);
                    let at = self.ways_to_backend[usize::from(lane.0)].arrival(self.now, delay);
                    self.post(at, Job::Request(lane, request));
                }
            }
        }
        if home == Some(lane) {
            moved |= self.deliver_here(lane);
        }
        moved
    }

    /// A request reaches the backend on this lane's thread.
    fn ask_here(&mut self, from: LaneId, request: BackendRequest) {
        let events = self.with_backend(|backend, env, out| backend.handle(from, request, env, out));
        let events = self.tampered(events);
        self.told_here.extend(events);
    }

    /// Hands on what the backend on this lane's thread tells. Returns whether there was something.
    fn deliver_here(&mut self, lane: LaneId) -> bool {
        let events = std::mem::take(&mut self.told_here);
        let moved = !events.is_empty();
        let (mine, others): (Events, Events) = events.into_iter().partition(|(to, _)| *to == lane);
        others.into_iter().for_each(|(to, event)| self.deliver(to, event));
        mine.into_iter().for_each(|(_, event)| self.handle(lane, Event::Backend(event)));
        moved
    }

    /// What the backend tells goes on its way.
    pub fn dispatch(&mut self, events: Events) {
        let events = self.tampered(events);
        if let Some(home) = self.plan.backend_lane {
            self.told_here.extend(events);
            return self.wake(home);
        }
        for (to, event) in events {
            let delay = self.delay(self.plan.backend_delay);
            let at = self.ways_from_backend[usize::from(to.0)].arrival(self.now, delay);
            self.post(at, Job::Deliver(to, event));
        }
    }

    /// What the backend tells reaches a lane's mailbox, or is dropped there if it can be made good.
    pub fn deliver(&mut self, to: LaneId, event: BackendEvent) {
        let has_room = self.shells[usize::from(to.0)].bytes < self.plan.mailbox_bytes_max;
        // That the backend is back is told behind what may have changed meanwhile.
        if has_room || matches!(event, BackendEvent::Stale(_)) {
            self.pay_debts(to);
        }
        let shell = &mut self.shells[usize::from(to.0)];
        match event {
            BackendEvent::Message { .. } if !has_room => shell.owes_interrupted = true,
            BackendEvent::Invalidated { .. } | BackendEvent::InvalidatedAll if !has_room => {
                shell.owes_invalidated = true
            }
            event => shell.post(Letter::Event(event), 100),
        }
        self.wake(to);
    }

    /// Tells what was dropped.
    fn pay_debts(&mut self, to: LaneId) {
        let shell = &mut self.shells[usize::from(to.0)];
        if !(shell.owes_interrupted || shell.owes_invalidated) {
            return;
        }
        if std::mem::take(&mut shell.owes_invalidated) {
            shell.post(Letter::Event(BackendEvent::InvalidatedAll), 100);
        }
        if std::mem::take(&mut shell.owes_interrupted) && !self.faults.always(Fault::DropInterrupted) {
            shell.post(Letter::Event(BackendEvent::Interrupted), 100);
        }
        self.wake(to);
    }

    fn obey(&mut self, lane: LaneId) {
        let outputs = std::mem::take(&mut self.shells[usize::from(lane.0)].outputs);
        for output in outputs {
            let sockets = &self.shells[usize::from(lane.0)].sockets;
            match output {
                Output::Close { conn, code } => {
                    if let Some(&socket) = sockets.get(&conn) {
                        self.trace.line(self.now, || format!("lane {} closes socket {socket}: {code:?}", lane.0));
                        self.close_socket(socket);
                    }
                }
                Output::Abort { conn } => {
                    if let Some(&socket) = sockets.get(&conn) {
                        self.abort_socket(socket);
                    }
                }
                Output::Refused { conn, .. } => {
                    if let Some(&socket) = sockets.get(&conn) {
                        self.hang_up(socket);
                    }
                }
                Output::Resume { conn } => {
                    if let Some(&socket) = sockets.get(&conn) {
                        self.resume_input(socket);
                    }
                }
                // The simulated node has no keys, so no token is looked at.
                Output::Authenticate { .. } => {}
                request @ Output::Backend(_) => self.shells[usize::from(lane.0)].outputs.push(request),
            }
        }
    }

    fn post_mail(&mut self, lane: LaneId) {
        for to in (0..self.plan.lanes).map(LaneId).filter(|to| *to != lane) {
            if !self.shells[usize::from(lane.0)].lane.has_mail(to) {
                continue;
            }
            let mut batch = Vec::new();
            loop {
                let other = &mut self.shells[usize::from(to.0)];
                if other.bytes >= self.plan.mailbox_bytes_max {
                    if !other.waiting.contains(&lane) {
                        other.waiting.push(lane);
                    }
                    break;
                }
                let Some(mail) = self.shells[usize::from(lane.0)].lane.next_mail(to) else { break };
                self.shells[usize::from(to.0)].bytes += mail.bytes();
                batch.push(mail);
            }
            let missed = batch.iter().filter(|mail| matches!(mail, Mail::Missed { .. })).count();
            self.checks.count("losses between lanes", missed as u64);
            self.tamper_with_mail(&mut batch);
            for mail in batch {
                self.trace
                    .line(self.now, || format!("mail {} → {}: {}", lane.0, to.0, shortened(&format!("{mail:?}"))));
                self.shells[usize::from(to.0)].post(Letter::Mail(lane, mail), 0);
            }
            self.wake(to);
        }
    }

    fn check_bounds(&mut self, lane: LaneId) {
        let (limits, lanes) = (&self.plan.limits, u64::from(self.plan.lanes));
        let shell = &mut self.shells[usize::from(lane.0)];
        let counters = shell.lane.counters();
        let link_bytes_max = lanes * (limits.link_bytes_max as u64 + LINK_SLACK);
        self.checks.require(counters.link_bytes <= link_bytes_max, Check::BoundedMemory, || {
            format!("{} bytes wait for other lanes, of {link_bytes_max}", counters.link_bytes)
        });
        // Who is closed keeps what is half written and its last word until it has read them.
        let closing = shell.sockets.values().filter(|id| self.sockets.get(id).is_some_and(Socket::is_closing)).count();
        let total_max =
            limits.outbox_total_bytes_max / usize::from(self.plan.lanes) + closing * limits.outbox_bytes_max;
        let is_over = counters.outbox_bytes > total_max as u64;
        shell.over_total = if is_over { shell.over_total + 1 } else { 0 };
        let clients = shell.sockets.len() as u32;
        self.checks.require(shell.over_total <= 2 * clients, Check::BoundedMemory, || {
            format!("{} bytes wait for all clients for many turns", counters.outbox_bytes)
        });
    }
}

/// A line that fits a screen.
pub fn shortened(line: &str) -> String {
    match line.char_indices().nth(260) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
