//! What goes wrong with the server and on the way to it.
//!
//! An outage has a beginning and an end: the server dies, is stopped, is cut off, or loads other data. Mishaps are
//! small and come in between: a connection ends, or is lost without a word, a message's buffer runs over, a key is
//! evicted, everything is said to have changed. None of them may be passed over in silence.

use super::server::{Server, State, end_session};
use super::{Redis, Step};
use crate::backend::{Comeback, Env};
use crate::data::Data;
use crate::faults::Fault;
use crate::plan::Plan;
use crate::world::Job;
use fastrand::Rng;
use model::Time;
use upstream::{LinkId, Role};

/// An outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The process ends, and is started again. `is_silent`: so does its machine, and nobody is told.
    Crash {
        /// No packet answers until it is back.
        is_silent: bool,
        /// With what it comes back.
        comeback: Comeback,
    },
    /// The process is stopped, and goes on later.
    Freeze,
    /// Nothing arrives. `is_forgotten`: when packets arrive again, those of connections that stood before do not.
    Partition {
        /// The way forgets connections.
        is_forgotten: bool,
    },
    /// The server loads what another server has; connections stay.
    Resync {
        /// What the other one has.
        comeback: Comeback,
    },
}

impl Trouble {
    /// One of them.
    pub fn choose(plan: &Plan, rng: &mut Rng) -> Trouble {
        let comeback = Comeback::choose(plan.has_restarts, rng);
        match rng.u8(0..8) {
            0..3 => Trouble::Crash { is_silent: rng.u8(0..5) < 2, comeback },
            3..5 => Trouble::Freeze,
            5..7 => Trouble::Partition { is_forgotten: rng.bool() },
            _ => Trouble::Resync { comeback },
        }
    }
}

impl Trouble {
    /// The word it is counted by.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::Crash { is_silent: false, .. } => "crashes",
            Trouble::Crash { is_silent: true, .. } => "silent crashes",
            Trouble::Freeze => "freezes",
            Trouble::Partition { .. } => "partitions",
            Trouble::Resync { .. } => "resyncs",
        }
    }

    /// Whether the server has less afterwards.
    pub fn loses(self) -> bool {
        match self {
            Trouble::Crash { comeback, .. } | Trouble::Resync { comeback } => comeback != Comeback::Whole,
            Trouble::Freeze | Trouble::Partition { .. } => false,
        }
    }
}

impl Redis {
    /// An outage begins. Whether everything shown must be read again before it is told to be current, as far as anybody
    /// can tell.
    pub fn begin_outage(&mut self, trouble: Trouble, data: &mut Data, env: &mut Env<'_>) -> bool {
        let server = &mut self.server;
        match trouble {
            Trouble::Crash { is_silent, .. } => {
                (server.state, server.is_reachable) = (State::Down, !is_silent);
                for id in ids(server) {
                    if is_silent { server.lose(id) } else { server.cut(id, data, env) }
                }
                server.send(env);
            }
            Trouble::Freeze => server.state = State::Frozen,
            Trouble::Partition { .. } => server.is_reachable = false,
            Trouble::Resync { .. } => {
                server.restarts += 1;
                server.is_loading = true;
            }
        }
        matches!(trouble, Trouble::Crash { .. }) && !self.had_trouble
    }

    /// It ends.
    pub fn end_outage(&mut self, trouble: Trouble, data: &mut Data, env: &mut Env<'_>) {
        let server = &mut self.server;
        match trouble {
            Trouble::Crash { comeback, .. } => {
                server.forget_all(data);
                comeback.apply(data, env);
                (server.state, server.is_loading, server.is_reachable) = (State::Up, true, true);
                let longest = if env.is_settling { 20_000 } else { 400_000 };
                let at = Time(env.now.0 + env.rng.u64(0..longest));
                server.restarts += 1;
                env.later.push((at, Job::Redis(Step::Loaded(server.restarts))));
            }
            Trouble::Freeze => server.state = State::Up,
            Trouble::Partition { is_forgotten } => {
                server.is_reachable = true;
                for link in server.links.values_mut() {
                    link.is_lost |= is_forgotten && link.is_accepted;
                }
            }
            Trouble::Resync { comeback } => {
                let names = server.names();
                comeback.apply(data, env);
                if comeback != Comeback::Whole {
                    names.iter().for_each(|name| data.subscribe(name));
                }
                server.is_loading = false;
                server.push_null(data, env);
            }
        }
        server.wake_all(env);
    }

    /// Something small goes wrong.
    pub(super) fn mishap(&mut self, data: &mut Data, env: &mut Env<'_>) {
        if env.is_settling {
            return;
        }
        let server = &mut self.server;
        let standing: Vec<LinkId> =
            server.links.iter().filter(|(_, link)| link.is_here && link.session.is_some()).map(|(id, _)| *id).collect();
        if env.faults.strikes(Fault::SilentRestart, 2, env.rng) && server.serves() {
            let names = server.names();
            data.go_back(data.writes() - env.rng.usize(0..=data.writes().min(60)), env.unix_ms);
            names.iter().for_each(|name| data.subscribe(name));
        } else if let Some(&id) = standing.get(env.rng.usize(0..=standing.len())) {
            match env.rng.u8(0..8) {
                0..2 => server.cut(id, data, env),
                2 => server.lose(id),
                3 => standing.iter().for_each(|id| server.cut(*id, data, env)),
                4..6 => {
                    let is_pubsub = |id: &&LinkId| server.links.get(id).is_some_and(|link| link.role == Role::PubSub);
                    let id = standing.iter().find(is_pubsub).copied();
                    id.into_iter().for_each(|id| server.cut(id, data, env));
                }
                6 if server.serves() => server.push_null(data, env),
                _ if server.serves() => server.evict_one(env),
                _ => {}
            }
        }
        env.checks.count("mishaps", 1);
        let gap = env.plan.redis.as_ref().map_or(0, |redis| redis.mishap_gap);
        let at = Time(env.now.0 + env.rng.u64(gap / 4..=gap));
        env.later.push((at, Job::Redis(Step::Mishap)));
    }
}

impl Server {
    /// The data are there.
    pub fn loaded(&mut self, restart: u64, env: &mut Env<'_>) {
        if self.restarts == restart {
            self.is_loading = false;
            env.trace.line(env.now, || "the data are loaded".into());
        }
    }

    /// Nothing arrives any more on this connection, on either side.
    fn lose(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.is_lost = true;
        }
    }

    /// Everything that connections were told is void: the process is a new one.
    fn forget_all(&mut self, data: &mut Data) {
        self.forget_tracked();
        let gone: Vec<LinkId> = self.links.iter().filter(|(_, link)| !link.is_here).map(|(id, _)| *id).collect();
        let of_gone = gone.iter().filter_map(|id| self.links.remove(id)).map(|link| link.session);
        of_gone.for_each(|session| end_session(session, data));
        // Those whose end nobody was told of: nothing arrives on them any more.
        self.links.values_mut().for_each(|link| end_session(link.session.take(), data));
    }

    /// What is subscribed, once for each connection.
    fn names(&self) -> Vec<model::backend::ChannelName> {
        let sessions = self.links.values().filter_map(|link| link.session.as_ref());
        sessions.flat_map(|session| session.channels.iter().cloned()).collect()
    }
}

fn ids(server: &Server) -> Vec<LinkId> {
    server.links.iter().filter(|(_, link)| link.session.is_some()).map(|(id, _)| *id).collect()
}
