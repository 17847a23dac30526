//! What we know of a Redis (or Valkey): replies and pushes in order, who is to be told of what, what is stale.
//!
//! [`Upstream`] is a machine without sockets. The shell moves bytes for it and follows four rules:
//!
//! 1. It calls [`Upstream::handle`] with [`Input::Timeout`] once at the start, and then whenever
//!    [`Upstream::next_timeout`] has come.
//! 2. It carries out [`Output`]s in order. What is sent on one connection is never reordered.
//! 3. [`Output::Connect`] is answered by [`Input::Connected`] with the credentials of this moment (those of a Sentinel for
//!    [`Role::Sentinel`]), or by [`Input::Closed`]. Every frame is told in order. After [`Output::Disconnect`] nothing of
//!    that connection is listened to.
//! 4. Towards lanes everything is as [`model::backend`] says. Commands keep their order among each other, and reads
//!    among each other; a read may overtake a command whose reply the lane has not had.
//!
//! ```text
//!             lanes                       one node                        its connections
//!   Command ─► commands ───────────────────────────────────────────────► Commands
//!   Read ────► reads (watched, spacing) ───────────────────────────────► Tracking   replies and invalidations in order
//!   Subscribe► pubsub ─────────────────────────────────────────────────► PubSub
//!                        topology: which node serves what ─────────────► Sentinel, Map
//! ```
//!
//! * `link`, `handshake`: one connection, the answers that it owes, how it gets ready
//! * `node`: a primary and its three connections
//! * `reads`: what is read, armed, invalidated; `watched`: the registry; `spacing`: when the tracking table is too small;
//!   `range`: streams
//! * `commands`, `pubsub`: what their names say
//! * `topology`: who serves what
//! * `health`: what is stale
//!
//! A connection is trusted as long as it answers. One that owes an answer for half of `stale_after` is taken for dead (the
//! lanes are told), and dropped after `silence_max`. Whatever a lost connection may have kept from us is read again.

#![forbid(unsafe_code)]

mod commands;
mod digest;
mod handshake;
mod health;
mod interface;
mod link;
mod node;
mod pubsub;
mod range;
mod reads;
mod received;
mod reply;
mod requests;
mod spacing;
#[cfg(test)]
mod tests;
mod topology;
mod turn;
mod watched;

pub use interface::{Address, Config, Credentials, Input, LinkId, Notice, Output, Role, Statistics, Topology};

use commands::Commands;
use health::Health;
use link::{Expected, Links, Phase};
use model::backend::ChannelName;
use model::request::Via;
use model::{Reply, Time};
use node::{Nodes, probe_interval, reconnect_wait};
use pubsub::PubSub;
use reads::Reads;
use topology::{Changes, Map};
use turn::{Random, Shared, Told, Turn, line};

/// How often a connection that is in use is asked whether it still tracks.
const TRACKING_CHECK: std::time::Duration = std::time::Duration::from_secs(10);

/// What we know of a Redis.
#[derive(Clone, Debug)]
pub struct Upstream {
    shared: Shared,
    nodes: Nodes,
    reads: Reads,
    commands: Commands,
    pubsub: PubSub,
    map: Map,
    health: Health,
}

/// What answers something that was asked.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A reply.
    Reply(Reply),
    /// One that was passed over: it has so many bytes.
    Oversize(u64),
}

impl Upstream {
    /// Nothing is connected yet: the first [`Input::Timeout`] begins.
    pub fn new(config: Config, now: Time) -> Upstream {
        let random = Random::new(config.seed);
        let map = Map::new(&config.topology, config.sharded_pubsub);
        Upstream {
            shared: Shared {
                config,
                links: Links::default(),
                statistics: Statistics::default(),
                random,
                told: Told::default(),
            },
            nodes: Nodes::default(),
            reads: Reads::new(),
            commands: Commands::default(),
            pubsub: PubSub::default(),
            map,
            health: Health::new(now),
        }
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        match input {
            Input::Request { from, request } => self.request(from, request, now, out),
            Input::Connected { link, credentials } => {
                let mut turn = Turn { shared: &mut self.shared, now, out };
                handshake::begin(&mut turn, link, credentials.as_ref());
            }
            Input::Received { link, frame } => self.received(link, frame, now, out),
            Input::Heard { link } => {
                if let Some(link) = self.shared.links.get_mut(link) {
                    link.heard(now);
                }
            }
            Input::Closed { link, reason } => self.closed(link, reason, now, out),
            Input::Timeout => self.timeout(now, out),
        }
        self.settle(now, out);
    }

    /// What can be done now is done: commands and reads that wait for a connection, names without one; who is out of reach
    /// is said.
    fn settle(&mut self, now: Time, out: &mut Vec<Output>) {
        self.look_at_health(now, out);
        let is_polling = self.worst_via() == Via::Polling;
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        self.reads.sweep(is_polling, turn);
        for node in self.nodes.iter() {
            if self.commands.waiting() > 0 {
                self.commands.flush(node, turn);
            }
            self.reads.begin(node, turn);
        }
    }

    /// A connection is gone, or given up.
    fn closed(&mut self, id: LinkId, reason: String, now: Time, out: &mut Vec<Output>) {
        let Some(mut link) = self.shared.links.remove(id) else { return };
        let mut turn = Turn { shared: &mut self.shared, now, out };
        turn.shared.statistics.disconnects += u64::from(link.is_ready());
        let lost = Notice::Lost { address: link.address.clone(), role: link.role, reason };
        let Some(node) = link.node.and_then(|node| self.nodes.get_mut(node)) else {
            turn.notice(lost);
            return self.map.link_closed(&mut turn);
        };
        let is_news = node.lost(link.role, now, |failures| reconnect_wait(&mut turn, failures));
        if is_news {
            turn.notice(lost);
        }
        let mut reads = Vec::new();
        for expected in link.take_expected() {
            match expected {
                Expected::Read(read, _) => reads.push(read),
                Expected::Command(pending) => self.commands.lost(&pending, &mut turn),
                _ => {}
            }
        }
        match link.role {
            Role::Tracking => self.reads.connection_lost(node.id, reads.into_iter(), &mut turn),
            Role::PubSub => self.pubsub.lost(id),
            _ => {}
        }
        self.map.suspect(now);
    }

    /// Ends a connection that is of no use.
    fn drop_link(&mut self, id: LinkId, reason: &str, now: Time, out: &mut Vec<Output>) {
        if self.shared.links.get(id).is_some() {
            out.push(Output::Disconnect { link: id });
            self.closed(id, reason.to_owned(), now, out);
        }
    }

    /// A connection can be used.
    fn ready(&mut self, id: LinkId, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        let Some(link) = turn.shared.links.get_mut(id) else { return };
        let is_new = link.phase == Phase::Greeting;
        link.phase = Phase::Ready;
        link.heard(now);
        let (role, node) = (link.role, link.node);
        if is_new {
            let (address, server) = (link.address.clone(), link.server.to_string());
            turn.notice(Notice::Connected { address, role, server });
        }
        let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) else {
            return self.map.link_ready(id, turn);
        };
        node.became_ready(role);
        let node = node.id;
        match role {
            Role::Tracking => {
                // Nobody knows what changed while nothing was tracked.
                if !self.reads.watched.is_empty() {
                    let all = !turn.shared.is_cluster();
                    self.reads.invalidated_all(node, all, turn);
                }
                self.tell_via(now, out);
            }
            Role::PubSub => self.place_names(now, out),
            Role::Commands | Role::Sentinel | Role::Map => {}
        }
    }

    /// Subscribes names that are subscribed nowhere, each where it belongs.
    fn place_names(&mut self, now: Time, out: &mut Vec<Output>) {
        self.pubsub.take_homeless().iter().for_each(|name| self.place_name(name, now, out));
    }

    fn place_name(&mut self, name: &ChannelName, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        if let Some(node) = self.map.home(name).and_then(|node| self.nodes.get_mut(node)) {
            node.want(Role::PubSub, now);
            node.connect(turn);
            self.pubsub.place(name, node, turn);
        }
    }

    /// Others serve now.
    fn apply(&mut self, changes: Changes, now: Time, out: &mut Vec<Output>) {
        if changes.is_none() {
            return;
        }
        if let Some(link) = changes.drop {
            self.drop_link(link, "it has nothing more to say", now, out);
        }
        for id in &changes.gone {
            for link in self.nodes.get(*id).map(node::Node::links).unwrap_or_default() {
                self.drop_link(link, "another server serves now", now, out);
            }
            self.nodes.remove(*id);
            self.reads.unroute(*id);
        }
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        self.nodes.iter_mut().for_each(|node| node.connect(turn));
        if (changes.moved || changes.unseen) && turn.shared.is_cluster() {
            let owner = |key: &[u8]| self.map.route(Some(model::slot::slot(key)));
            self.reads.moved(|key, at| changes.unseen || owner(key) != Some(at), turn);
            let node_of = |link| turn.shared.links.get(link).and_then(|link| link.node);
            let misplaced = self.pubsub.misplaced(|name| self.map.home(name), node_of);
            for (name, link) in misplaced {
                self.pubsub.displace(&name, link, turn);
            }
        }
        self.reroute(now, out);
        self.place_names(now, out);
    }

    /// Whatever waits for a node that is not known, or not the right one, looks for it again.
    fn reroute(&mut self, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        for pending in self.commands.take_waiting() {
            let node = self.map.route(pending.slot).and_then(|node| self.nodes.get(node));
            self.commands.submit(pending, node, turn);
        }
        for read in self.reads.take_unrouted() {
            match self.map.route(self.reads.slot(read)) {
                Some(node) => self.reads.give(read, node, false),
                None => self.reads.leave_unrouted(read),
            }
        }
    }

    /// Time has passed.
    fn timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        self.look_at_links(now, out);
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        let changes = self.map.tick(&mut self.nodes, turn);
        self.apply(changes, now, out);
        if self.pubsub.has_homeless() && self.shared.is_cluster() {
            self.place_names(now, out);
        }
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        self.nodes.iter_mut().for_each(|node| node.connect(turn));
        self.commands.expire(turn);
        self.reads.look_at_spacing(&self.nodes, turn);
    }

    /// Drops connections that take too long, and asks those that say nothing whether they are there.
    fn look_at_links(&mut self, now: Time, out: &mut Vec<Output>) {
        let config = &self.shared.config;
        let (connect_max, interval) = (config.connect_max, probe_interval(config));
        let mut late = Vec::new();
        let (mut again, mut probed) = (Vec::new(), Vec::new());
        for link in self.shared.links.iter() {
            let is_silent = link.silent_since().is_some_and(|since| now >= since + silence_limit(config, link));
            match link.phase {
                Phase::Connecting if now >= link.begun_at + connect_max => {
                    late.push((link.id, "no connection in time"))
                }
                Phase::Greeting if now >= link.begun_at + connect_max => late.push((link.id, "no greeting in time")),
                Phase::NotReady(Some(at)) if now >= at => again.push(link.id),
                Phase::NotReady(_) | Phase::Ready if is_silent => late.push((link.id, "it does not answer")),
                Phase::Ready if link.probe_at(interval).is_some_and(|at| now >= at) => probed.push(link.id),
                _ => {}
            }
        }
        late.into_iter().for_each(|(id, why)| self.drop_link(id, why, now, out));
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        again.into_iter().for_each(|id| handshake::ask_again(turn, id));
        probed.into_iter().for_each(|id| probe(turn, id));
    }

    /// When [`Input::Timeout`] is due.
    pub fn next_timeout(&self) -> Option<Time> {
        let config = &self.shared.config;
        let of_link = |link: &link::Link| match link.phase {
            Phase::Connecting | Phase::Greeting => Some(link.begun_at + config.connect_max),
            Phase::NotReady(Some(at)) => Some(at),
            Phase::NotReady(None) => link.silent_since().map(|since| since + silence_limit(config, link)),
            Phase::Ready => match link.silent_since() {
                Some(since) => Some(since + silence_limit(config, link)),
                None => link.probe_at(probe_interval(config)),
            },
        };
        let links = self.shared.links.iter().filter_map(of_link).min();
        let nodes = self.nodes.iter().filter_map(node::Node::next_connect).min();
        let health = self.health.next_timeout(&self.nodes, &self.shared);
        [links, nodes, health, self.commands.next_timeout(), self.reads.next_timeout(), self.map.next_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Plain numbers for metrics.
    pub fn statistics(&self) -> Statistics {
        let mut statistics = Statistics {
            links: self.shared.links.iter().filter(|link| link.is_ready()).count() as u64,
            primaries: self.nodes.iter().count() as u64,
            stale: self.health.is_stale(),
            has_begun: self.health.has_begun(),
            commands_in_flight: self.commands.in_flight,
            commands_waiting: self.commands.waiting() as u64,
            channels: self.pubsub.len() as u64,
            via: self.worst_via() as u8,
            ..self.shared.statistics
        };
        self.reads.count(&mut statistics);
        statistics
    }

    /// How changes are noticed where that is slowest.
    fn worst_via(&self) -> Via {
        let via = |node| node::Node::ready(node, Role::Tracking, &self.shared.links).map(|link| link.via);
        self.nodes.iter().filter_map(via).max_by_key(|via| *via as u8).unwrap_or(Via::Tracking)
    }
}

/// How long a connection may owe an answer before it is dropped. For questions about the topology there are others to ask.
fn silence_limit(config: &Config, link: &link::Link) -> std::time::Duration {
    if link.node.is_some() { config.silence_max } else { node::patience(config) }
}

/// Asks a connection that says nothing whether it is there, and whether what it is for still holds.
fn probe(turn: &mut Turn<'_>, id: LinkId) {
    let Some(link) = turn.shared.links.get_mut(id) else { return };
    let is_tracking = link.role == Role::Tracking && link.via == Via::Tracking;
    let is_check_due = is_tracking && turn.now >= link.checked_at + TRACKING_CHECK;
    if is_check_due {
        link.checked_at = turn.now;
        turn.send(id, line(["CLIENT", "TRACKINGINFO"]), Expected::TrackingInfo);
    }
    turn.send(id, line(["PING"]), Expected::Ping);
}

impl Shared {
    fn is_cluster(&self) -> bool {
        matches!(self.config.topology, Topology::Cluster { .. })
    }

    fn is_standalone(&self) -> bool {
        matches!(self.config.topology, Topology::Standalone(_))
    }
}
