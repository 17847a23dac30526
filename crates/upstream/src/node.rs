//! A primary and the connections to it: one for each purpose, kept up by trying again.

use crate::interface::{Address, Config, LinkId, Role};
use crate::link::{Link, Links};
use crate::turn::Turn;
use model::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// The first wait between two attempts to connect; each failure doubles it.
const RECONNECT_MIN: Duration = Duration::from_millis(20);

/// A server that is or was a primary; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct NodeId(pub u32);

/// A primary.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub id: NodeId,
    pub address: Address,
    /// It is known to be out of reach or silent: what is asked of it is answered so at once.
    pub is_out: bool,
    tracking: Place,
    commands: Place,
    pubsub: Place,
}

/// Where one connection of a node is, or should be.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    is_wanted: bool,
    link: Option<LinkId>,
    /// Since when there is no connection that is ready.
    down_since: Option<Time>,
    retry_at: Time,
    failures: u32,
}

impl Place {
    fn new(is_wanted: bool, now: Time) -> Place {
        Place { is_wanted, link: None, down_since: Some(now), retry_at: now, failures: 0 }
    }
}

const ROLES: [Role; 3] = [Role::Tracking, Role::Commands, Role::PubSub];

impl Node {
    fn place(&self, role: Role) -> Option<&Place> {
        match role {
            Role::Tracking => Some(&self.tracking),
            Role::Commands => Some(&self.commands),
            Role::PubSub => Some(&self.pubsub),
            Role::Sentinel | Role::Map => None,
        }
    }

    fn place_mut(&mut self, role: Role) -> Option<&mut Place> {
        match role {
            Role::Tracking => Some(&mut self.tracking),
            Role::Commands => Some(&mut self.commands),
            Role::PubSub => Some(&mut self.pubsub),
            Role::Sentinel | Role::Map => None,
        }
    }

    /// The connection of this role, if it is ready.
    pub fn ready<'l>(&self, role: Role, links: &'l Links) -> Option<&'l Link> {
        links.get(self.place(role)?.link?).filter(|link| link.is_ready())
    }

    /// The connection of this role, if it is ready and not known to be silent.
    pub fn usable<'l>(&self, role: Role, links: &'l Links, now: Time, config: &Config) -> Option<&'l Link> {
        let is_silent = |link: &&Link| link.silent_since().is_some_and(|since| now >= since + patience(config));
        self.ready(role, links).filter(|link| !is_silent(link))
    }

    /// Since when the connections that the lanes' knowledge depends on do not answer; none if all do.
    pub fn trouble_since(&self, links: &Links) -> Option<Time> {
        [Role::Tracking, Role::PubSub].into_iter().filter_map(|role| self.silence(role, links)).min()
    }

    /// Since when reads are not answered; none if they are.
    pub fn reads_trouble_since(&self, links: &Links) -> Option<Time> {
        self.silence(Role::Tracking, links)
    }

    fn silence(&self, role: Role, links: &Links) -> Option<Time> {
        let place = self.place(role).filter(|place| place.is_wanted)?;
        match place.link.and_then(|link| links.get(link)).filter(|link| link.is_ready()) {
            Some(link) => link.silent_since(),
            None => place.down_since,
        }
    }

    /// All connections, whether ready or not.
    pub fn links(&self) -> Vec<LinkId> {
        ROLES.into_iter().filter_map(|role| self.place(role)?.link).collect()
    }

    /// A connection of this role is needed, from now on.
    pub fn want(&mut self, role: Role, now: Time) {
        if let Some(place) = self.place_mut(role).filter(|place| !place.is_wanted) {
            *place = Place::new(true, now);
        }
    }

    /// The connection is ready.
    pub fn became_ready(&mut self, role: Role) {
        if let Some(place) = self.place_mut(role) {
            place.down_since = None;
            place.failures = 0;
        }
    }

    /// The connection is not ready any more, though it is there.
    pub fn became_unready(&mut self, role: Role, now: Time) {
        if let Some(place) = self.place_mut(role) {
            place.down_since.get_or_insert(now);
        }
    }

    /// The connection is gone. Whether it is the first failure in a row.
    pub fn lost(&mut self, role: Role, now: Time, wait: impl FnOnce(u32) -> Duration) -> bool {
        let Some(place) = self.place_mut(role) else { return false };
        place.link = None;
        place.down_since.get_or_insert(now);
        place.retry_at = now + wait(place.failures);
        place.failures += 1;
        place.failures == 1
    }

    /// Begins the connections that are missing and due.
    pub fn connect(&mut self, turn: &mut Turn<'_>) {
        let (id, address, now) = (self.id, self.address.clone(), turn.now);
        for role in ROLES {
            let Some(place) = self.place_mut(role) else { continue };
            if place.is_wanted && place.link.is_none() && place.retry_at <= now {
                place.link = Some(turn.connect(Some(id), role, address.clone()));
            }
        }
    }

    /// When the next connection is due.
    pub fn next_connect(&self) -> Option<Time> {
        let due = |role| self.place(role).filter(|p| p.is_wanted && p.link.is_none()).map(|p| p.retry_at);
        ROLES.into_iter().filter_map(due).min()
    }
}

/// How long trouble may last before it is told: half of `stale_after`, for it may take the other half to be seen.
pub(crate) fn patience(config: &Config) -> Duration {
    config.stale_after / 2
}

/// How often a connection that says nothing is asked whether it is there.
pub(crate) fn probe_interval(config: &Config) -> Duration {
    config.stale_after / 4
}

/// The wait before the next attempt after so many failures in a row, with jitter.
pub(crate) fn reconnect_wait(turn: &mut Turn<'_>, failures: u32) -> Duration {
    let wait = RECONNECT_MIN.saturating_mul(1 << failures.min(16)).min(turn.shared.config.reconnect_max);
    turn.shared.random.jitter(wait)
}

/// All primaries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    nodes: BTreeMap<NodeId, Node>,
    begun: u32,
}

impl Nodes {
    /// A primary that was not known.
    pub fn add(&mut self, address: Address, now: Time) -> NodeId {
        let id = NodeId(self.begun);
        self.begun += 1;
        let (tracking, commands, pubsub) = (Place::new(true, now), Place::new(true, now), Place::new(false, now));
        self.nodes.insert(id, Node { id, address, is_out: false, tracking, commands, pubsub });
        id
    }

    pub fn remove(&mut self, id: NodeId) -> Option<Node> {
        self.nodes.remove(&id)
    }

    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(&id)
    }

    pub fn at(&self, address: &Address) -> Option<&Node> {
        self.nodes.values().find(|node| node.address == *address)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.values_mut()
    }
}
