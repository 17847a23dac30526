//! When the backend is out of reach: what becomes of requests, and what it comes back with.
//!
//! An outage has three moments. From the first on nothing is answered, and nobody knows why. At the second it is known:
//! what hangs has failed. At the third the backend is back, with all it had, with what it had some writes ago, or empty;
//! who armed or heard anything is told that it may have missed something.

use super::{Backend, Env, Events, Reach, line, new_store};
use crate::faults::Fault;
use crate::words;
use model::backend::{BackendEvent, BackendRequest};
use model::{LaneId, Reply, Ticket};

/// What the backend comes back with after an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comeback {
    /// All that it had.
    Whole,
    /// What it had some writes ago.
    Older,
    /// Nothing.
    Empty,
}

impl Backend {
    /// It is out of reach, and nobody knows.
    pub fn lose(&mut self) {
        self.reach = Reach::Unnoticed;
        self.armed.clear();
    }

    /// It is known to be out of reach: what hangs has failed.
    pub fn notice(&mut self, env: &mut Env<'_>, out: &mut Events) {
        self.reach = Reach::Down;
        if !env.faults.always(Fault::DropStale) {
            self.tell_stale(true, out);
        }
        for (from, request) in std::mem::take(&mut self.held) {
            self.fail(from, request, env, out);
        }
    }

    /// It is in reach again.
    pub fn come_back(&mut self, comeback: Comeback, env: &mut Env<'_>, out: &mut Events) {
        self.tell(env, &mut Vec::new());
        match comeback {
            Comeback::Whole => {}
            Comeback::Older => self.go_back(self.writes.len() - env.rng.usize(0..=self.writes.len().min(60)), env),
            Comeback::Empty => self.go_back(0, env),
        }
        self.reach = Reach::Up;
        self.history.seq += 1;
        // Whoever reads late cannot tell which outage is meant: what is told of the first one is looked at.
        self.history.back_at = if self.history.back_at == 0 && self.is_exact { self.history.seq } else { 1 };
        self.armed.clear();
        self.invalidate_all(out);
        if !env.faults.always(Fault::DropInterrupted) {
            out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::Interrupted)));
        }
        let unanswered = std::mem::take(&mut self.unanswered);
        out.extend(unanswered.into_iter().map(|(lane, name)| (lane, BackendEvent::Subscribed { name })));
        if !env.faults.always(Fault::DropUnstale) {
            self.tell_stale(false, out);
        }
    }

    fn tell_stale(&self, stale: bool, out: &mut Events) {
        out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::Stale(stale))));
    }

    /// Forgets the writes from this one on.
    fn go_back(&mut self, at: usize, env: &Env<'_>) {
        self.store = new_store(self.seed);
        self.writes.truncate(at);
        for write in &self.writes {
            match &write.commands[..] {
                [command] => drop(self.store.execute(command, write.unix_ms)),
                commands => drop(self.store.transaction(commands, write.unix_ms)),
            }
        }
        self.store.drain_changes(|_| {});
        self.store.drain_published(|_| {});
        self.subscribers.keys().for_each(|name| self.store.subscribe(name));
        self.history.went_back(at);
        words::STREAMS.iter().for_each(|name| self.look_at(name.as_bytes(), env));
    }

    /// What becomes of a request while the backend is out of reach. A command may have been carried out all the same.
    pub(super) fn fail(&mut self, from: LaneId, request: BackendRequest, env: &mut Env<'_>, out: &mut Events) {
        match request {
            BackendRequest::Command { ticket, command } => {
                if env.rng.u8(0..4) == 0 {
                    self.execute(&command, env, &mut Vec::new());
                }
                out.push((from, unavailable(ticket)));
            }
            BackendRequest::Transaction { ticket, .. } => out.push((from, unavailable(ticket))),
            BackendRequest::Read { watch, command, .. } => {
                let usage = self.usage_of(&line(&command));
                usage.reads += 1;
                usage.reasons += 1;
                out.push((from, BackendEvent::Value { watch, reply: None, expires_in: None }));
            }
            BackendRequest::Range { watch, .. } => out.push((from, BackendEvent::Range { watch, range: None })),
            BackendRequest::Forget { keys } => self.forget(&keys, from),
            BackendRequest::Subscribe { name } => {
                self.subscribe(&name, from);
                self.unanswered.push((from, name));
            }
            BackendRequest::Unsubscribe { name } => {
                self.unanswered.retain(|(lane, asked)| (*lane, asked) != (from, &name));
                self.unsubscribe(&name, from);
            }
        }
    }
}

fn unavailable(ticket: Ticket) -> BackendEvent {
    BackendEvent::Reply { ticket, reply: Reply::error("UNAVAILABLE the backend is out of reach") }
}
