//! What is judged of a whole world: after an outage, when all has come to rest, and when all are gone.

use super::World;
use crate::checks::Check;
use crate::copy::{Phase, Source};
use crate::network::Socket;
use model::Format;

/// An outage of which every calm client must have been told.
const LONG_OUTAGE_MS: u64 = 600;
/// Before an outage: so long must a client have been calm to be counted.
const CALM_MS: u64 = 300;

impl World {
    /// After a long outage every client that nothing kept from reading has been told of it.
    pub(super) fn check_stale_told(&mut self) {
        let Some(calm) = self.noticed_at.0.checked_sub(CALM_MS * 1000) else { return };
        if (self.now - self.noticed_at).as_millis() < u128::from(LONG_OUTAGE_MS) {
            return;
        }
        for client in
            self.clients.iter().filter(|c| c.format == Format::Native && c.calm_since.0 < calm && !c.is_stalled)
        {
            let has_read_all = |socket: &Socket| {
                let lane = &self.shells[usize::from(socket.lane.0)].lane;
                socket.is_drained() && !lane.has_output(socket.conn)
            };
            let is_drained = client.socket.and_then(|id| self.sockets.get(&id)).is_some_and(has_read_all);
            let open = |copy: &&crate::copy::FeedCopy| matches!(copy.phase, Phase::Open(_)) && copy.open_since.0 < calm;
            for copy in client.copies.iter().filter(open).filter(|_| is_drained) {
                let what =
                    if self.plan.redis.is_some() { "stale copies compared, Redis" } else { "stale copies compared" };
                self.checks.count(what, 1);
                self.checks.require(copy.stale, Check::NoSilentLoss, || {
                    format!("client {}: {:?} is not stale though the backend is out", client.number, copy.source)
                });
            }
        }
    }

    /// Every copy that is open equals what the command answers.
    pub(super) fn check_copies(&mut self) {
        let unix_ms = self.unix_ms();
        for client in &self.clients {
            if let (Some(asked), true) = (client.unanswered(), client.socket.is_some()) {
                self.checks.broken(Check::Answers, format!("client {} waits for {asked}", client.number));
            }
            for copy in client.copies.iter().filter(|copy| matches!(copy.phase, Phase::Open(_))) {
                self.checks.count("copies compared", 1);
                let result = copy.check_end(&self.backend.data.history);
                self.checks.take(&format!("client {}", client.number), result);
                match &copy.source {
                    Source::Query { command, json, .. } => {
                        let reply = self.backend.data.answer(command, unix_ms);
                        self.backend.data.history.answered(command, &reply);
                        let is_right =
                            |answer: &crate::history::Answer| Some(answer.shown(*json)) == copy.shown.as_ref();
                        let floor = self.backend.data.history.seq;
                        let newest = self.backend.data.history.shown(command, &reply);
                        self.backend.data.history.seq += 1;
                        let found = self.backend.data.history.find(command, 0, floor, is_right);
                        self.checks.require(found.is_some(), Check::Convergence, || {
                            format!(
                                "client {} ({:?}) shows {:?} of {command:?}, which is {newest:?}",
                                client.number, client.format, copy.shown
                            )
                        });
                    }
                    Source::Stream(name) => {
                        let Some(after) = copy.place else { continue };
                        let command = ["XRANGE", name, &format!("({after}"), "+"].map(str::to_owned);
                        let left = self.backend.data.answer(&command, unix_ms);
                        // A plain client is not told why there is no such feed any more, and asks again and again.
                        let is_whole = match &left {
                            // After a gap, a restart may bring back what was said to be gone.
                            model::Reply::Array(entries) => entries.is_empty() || copy.has_gap(),
                            _ => client.format != Format::Native,
                        };
                        self.checks.require(is_whole, Check::Convergence, || {
                            format!("client {} is at {after} of {name}, where {left:?} follow", client.number)
                        });
                    }
                    Source::Channel(_) | Source::Pattern(_) => {}
                }
            }
        }
    }

    pub(super) fn count_losses(&mut self) {
        for shell in &self.shells {
            let hub = shell.lane.counters().hub;
            self.checks.count("messages dropped for slow clients", hub.messages_dropped);
            self.checks.count("values skipped for slow clients", hub.conflations);
            self.checks.count("streams paused for slow clients", hub.stream_waits);
            self.checks.count("clients too slow", hub.too_slow);
        }
    }

    /// All clients are gone: nobody remembers them.
    pub(super) fn check_nothing_left(&mut self) {
        for (lane, shell) in self.shells.iter().enumerate() {
            let counters = shell.lane.counters();
            let live = counters.live;
            let left = [
                ("clients", counters.clients),
                ("bytes for clients", counters.outbox_bytes),
                ("bytes for lanes", counters.link_bytes),
                ("topics", live.topics),
                ("feeds", live.feeds),
                ("reads", live.reads_in_flight),
                ("openers", live.waiting),
            ];
            for (what, count) in left {
                self.checks
                    .require(count == 0, Check::BoundedMemory, || format!("lane {lane} still has {count} {what}"));
            }
        }
        if let Some(left) = self.backend.remembers() {
            self.checks.broken(Check::BoundedMemory, format!("the backend still has {left}"));
        }
    }
}
