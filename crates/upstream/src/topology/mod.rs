//! Who serves what: one server, the master that Sentinels name, or the primaries of a cluster's slots.
//!
//! The map only knows and asks. What follows from a change (connections to drop, keys to read again, names to subscribe
//! elsewhere) is told by [`Changes`] and done by the machine.

mod cluster;
mod sentinel;
mod slots;

use crate::commands::What;
use crate::interface::{LinkId, Topology};
use crate::link::Question;
use crate::node::{NodeId, Nodes};
use crate::reads::Request;
use crate::reply::Trouble;
use crate::turn::Turn;
use cluster::Cluster;
use model::backend::ChannelName;
use model::{Error, Reply, Time};
use sentinel::Sentinel;

/// Who serves what.
#[derive(Clone, Debug)]
pub(crate) enum Map {
    /// One server, once started.
    Standalone(Option<NodeId>),
    /// The master that Sentinels name.
    Sentinel(Box<Sentinel>),
    /// The primaries of a cluster. `sharded`: channels are heard at their slot's primary.
    Cluster { cluster: Box<Cluster>, sharded: bool },
}

/// What is different now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changes {
    /// These are no primaries any more.
    pub gone: Vec<NodeId>,
    /// Slots, or the master's part, are served by others: what was read elsewhere is read again.
    pub moved: bool,
    /// More has changed than can be seen: everything is read again.
    pub unseen: bool,
    /// This connection for questions is of no use any more.
    pub drop: Option<LinkId>,
}

impl Changes {
    pub fn is_none(&self) -> bool {
        self.gone.is_empty() && !self.moved && !self.unseen && self.drop.is_none()
    }
}

impl Map {
    pub fn new(topology: &Topology, sharded: bool) -> Map {
        match topology {
            Topology::Standalone(_) => Map::Standalone(None),
            Topology::Sentinel { .. } => Map::Sentinel(Box::default()),
            Topology::Cluster { .. } => Map::Cluster { cluster: Box::new(Cluster::new()), sharded },
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        match self {
            Map::Standalone(Some(_)) => Changes::default(),
            Map::Standalone(node) => {
                let Topology::Standalone(address) = &turn.shared.config.topology else { return Changes::default() };
                *node = Some(nodes.add(address.clone(), turn.now));
                Changes { moved: true, ..Changes::default() }
            }
            Map::Sentinel(sentinel) => {
                sentinel.tick(nodes, turn);
                Changes::default()
            }
            Map::Cluster { cluster, .. } => cluster.tick(nodes, turn),
        }
    }

    /// When something is due.
    pub fn next_timeout(&self) -> Option<Time> {
        match self {
            Map::Standalone(None) => Some(Time::ZERO),
            Map::Standalone(Some(_)) => None,
            Map::Sentinel(sentinel) => sentinel.next_timeout(),
            Map::Cluster { cluster, .. } => cluster.next_timeout(),
        }
    }

    /// Who serves the slot; for what has none, who serves that.
    pub fn route(&self, slot: Option<u16>) -> Option<NodeId> {
        match self {
            Map::Standalone(node) => *node,
            Map::Sentinel(sentinel) => sentinel.master(),
            Map::Cluster { cluster, .. } => cluster.route(slot),
        }
    }

    /// Where the name is subscribed.
    pub fn home(&self, name: &ChannelName) -> Option<NodeId> {
        match (self, name) {
            (Map::Cluster { cluster, sharded: true }, ChannelName::Channel(name)) => {
                cluster.route(Some(model::slot::slot(name)))
            }
            (Map::Cluster { cluster, .. }, _) => cluster.hub(),
            _ => self.route(None),
        }
    }

    /// The slot of a command or transaction; none where there are no slots, or where any node will do.
    pub fn slot_of(&self, what: &What) -> Result<Option<u16>, Error> {
        if let Map::Cluster { .. } = self { slots::of(what) } else { Ok(None) }
    }

    /// The slot of what is read.
    pub fn slot_of_read(&self, request: &Request) -> Result<Option<u16>, Error> {
        if let Map::Cluster { .. } = self { slots::of_read(request) } else { Ok(None) }
    }

    /// A server says that another one serves a slot: which one.
    pub fn redirected(&mut self, trouble: &Trouble, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Option<NodeId> {
        match self {
            Map::Cluster { cluster, .. } => cluster.redirected(trouble, nodes, turn),
            _ => None,
        }
    }

    /// The epoch of the cluster's map.
    #[cfg(test)]
    pub fn epoch(&self) -> Option<u64> {
        match self {
            Map::Cluster { cluster, .. } => Some(cluster.epoch()),
            _ => None,
        }
    }

    /// Something looks as if others served now.
    pub fn suspect(&mut self, now: Time) {
        match self {
            Map::Standalone(_) => {}
            Map::Sentinel(sentinel) => sentinel.suspect(now),
            Map::Cluster { cluster, .. } => cluster.suspect(now),
        }
    }

    /// A connection for questions is ready.
    pub fn link_ready(&mut self, link: LinkId, turn: &mut Turn<'_>) {
        match self {
            Map::Standalone(_) => {}
            Map::Sentinel(sentinel) => sentinel.link_ready(link, turn),
            Map::Cluster { cluster, .. } => cluster.link_ready(link, turn),
        }
    }

    /// A connection for questions is gone.
    pub fn link_closed(&mut self, turn: &mut Turn<'_>) {
        match self {
            Map::Standalone(_) => {}
            Map::Sentinel(sentinel) => sentinel.link_closed(turn),
            Map::Cluster { cluster, .. } => cluster.link_closed(turn),
        }
    }

    /// An answer came.
    pub fn answered(
        &mut self,
        link: LinkId,
        question: Question,
        reply: &Reply,
        nodes: &mut Nodes,
        turn: &mut Turn<'_>,
    ) -> Changes {
        match self {
            Map::Standalone(_) => Changes::default(),
            Map::Sentinel(sentinel) => sentinel.answered(question, reply, nodes, turn),
            Map::Cluster { cluster, .. } => cluster.answered(link, question, reply, nodes, turn),
        }
    }

    /// An announcement came.
    pub fn announced(&mut self, push: &[Reply], nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        match self {
            Map::Sentinel(sentinel) => sentinel.announced(push, nodes, turn),
            _ => Changes::default(),
        }
    }
}
