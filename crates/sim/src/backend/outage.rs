//! When the embedded store is out of reach: what becomes of requests, and what it comes back with.
//!
//! An outage has three moments. From the first on nothing is answered, and nobody knows why. At the second it is known:
//! what hangs has failed. At the third the backend is back, with all it had, with what it had some writes ago, or empty;
//! who armed or heard anything is told that it may have missed something.

use super::embedded::{Embedded, Reach};
use super::{Env, Events};
use crate::data::{Data, line};
use crate::usage::Usages;
use fastrand::Rng;
use model::backend::{BackendEvent, BackendRequest};
use model::{LaneId, Reply, Ticket};

/// What a backend comes back with after an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comeback {
    /// All that it had.
    Whole,
    /// What it had some writes ago.
    Older,
    /// Nothing.
    Empty,
}

impl Comeback {
    /// One of them, if restarts may lose something.
    pub fn choose(may_lose: bool, rng: &mut Rng) -> Comeback {
        match rng.u8(0..6) {
            _ if !may_lose => Comeback::Whole,
            0 => Comeback::Empty,
            1..4 => Comeback::Older,
            _ => Comeback::Whole,
        }
    }

    /// Makes the data so. Nobody is subscribed any more, unless they are whole.
    pub fn apply(self, data: &mut Data, env: &mut Env<'_>) {
        let writes = data.writes();
        match self {
            Comeback::Whole => {}
            Comeback::Older => data.go_back(writes - env.rng.usize(0..=writes.min(60)), env.unix_ms),
            Comeback::Empty => data.go_back(0, env.unix_ms),
        }
    }
}

impl Embedded {
    /// It is out of reach, and nobody knows.
    pub fn lose(&mut self) {
        self.reach = Reach::Unnoticed;
        self.armed.clear();
    }

    /// It is known to be out of reach: what hangs has failed.
    pub fn notice(&mut self, data: &mut Data, usages: &mut Usages, env: &mut Env<'_>, out: &mut Events) {
        self.reach = Reach::Down;
        self.tell_stale(true, out);
        for (from, request) in std::mem::take(&mut self.held) {
            self.fail(from, request, data, usages, env, out);
        }
    }

    /// It is in reach again, with these data.
    pub fn come_back(&mut self, comeback: Comeback, data: &mut Data, env: &mut Env<'_>, out: &mut Events) {
        self.tell(data, env, &mut Vec::new());
        comeback.apply(data, env);
        if comeback != Comeback::Whole {
            self.subscribers.keys().for_each(|name| data.subscribe(name));
        }
        self.reach = Reach::Up;
        self.armed.clear();
        self.invalidate_all(out);
        out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::Interrupted)));
        let unanswered = std::mem::take(&mut self.unanswered);
        out.extend(unanswered.into_iter().map(|(lane, name)| (lane, BackendEvent::Subscribed { name })));
        self.tell_stale(false, out);
    }

    fn tell_stale(&self, stale: bool, out: &mut Events) {
        out.extend((0..self.lanes).map(|lane| (LaneId(lane), BackendEvent::Stale(stale))));
    }

    /// What becomes of a request while the backend is out of reach. A command may have been carried out all the same.
    pub(super) fn fail(
        &mut self,
        from: LaneId,
        request: BackendRequest,
        data: &mut Data,
        usages: &mut Usages,
        env: &mut Env<'_>,
        out: &mut Events,
    ) {
        match request {
            BackendRequest::Command { ticket, command } => {
                if env.rng.u8(0..4) == 0 {
                    self.execute(&command, data, env, &mut Vec::new());
                }
                out.push((from, unavailable(ticket)));
            }
            BackendRequest::Transaction { ticket, .. } => out.push((from, unavailable(ticket))),
            BackendRequest::Read { watch, command, .. } => {
                let words = line(&command);
                usages.read(&words, from, env.checks);
                usages.reason(&words);
                out.push((from, BackendEvent::Value { watch, reply: None, expires_in: None }));
            }
            BackendRequest::Range { watch, .. } => out.push((from, BackendEvent::Range { watch, range: None })),
            BackendRequest::Forget { keys } => self.forget(&keys, from),
            BackendRequest::Subscribe { name } => {
                self.subscribe(&name, from, data);
                self.unanswered.push((from, name));
            }
            BackendRequest::Unsubscribe { name } => {
                self.unanswered.retain(|(lane, asked)| (*lane, asked) != (from, &name));
                self.unsubscribe(&name, from, data);
            }
        }
    }
}

fn unavailable(ticket: Ticket) -> BackendEvent {
    BackendEvent::Reply { ticket, reply: Reply::error("UNAVAILABLE the backend is out of reach") }
}
