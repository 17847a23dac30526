//! Who serves what: one server, the master that Sentinels name, or the primaries of a cluster's slots.
//!
//! The map only knows and asks. What follows from a change (connections to drop, keys to read again, names to subscribe
//! elsewhere) is told by [`Changes`] and done by the machine.

use crate::commands::What;
use crate::interface::{LinkId, Topology};
use crate::link::Question;
use crate::node::{NodeId, Nodes};
use crate::reads::Request;
use crate::reply::Trouble;
use crate::turn::Turn;
use model::backend::ChannelName;
use model::{Error, Reply, Time};

/// Who serves what.
#[derive(Clone, Debug)]
pub(crate) enum Map {
    /// One server, once started.
    Standalone(Option<NodeId>),
}

/// What is different now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Changes {
    /// These are no primaries any more.
    pub gone: Vec<NodeId>,
    /// Slots, or the master's part, are served by others: what was read elsewhere is read again.
    pub moved: bool,
}

impl Changes {
    pub fn is_none(&self) -> bool {
        self.gone.is_empty() && !self.moved
    }
}

impl Map {
    pub fn new(topology: &Topology) -> Map {
        match topology {
            Topology::Standalone(_) => Map::Standalone(None),
            Topology::Sentinel { .. } | Topology::Cluster { .. } => Map::Standalone(None),
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
        }
    }

    /// When something is due.
    pub fn next_timeout(&self) -> Option<Time> {
        match self {
            Map::Standalone(None) => Some(Time::ZERO),
            Map::Standalone(Some(_)) => None,
        }
    }

    /// Who serves the slot; for what has none, who serves that.
    pub fn route(&self, _slot: Option<u16>) -> Option<NodeId> {
        match self {
            Map::Standalone(node) => *node,
        }
    }

    /// Where the name is subscribed.
    pub fn home(&self, _name: &ChannelName) -> Option<NodeId> {
        match self {
            Map::Standalone(node) => *node,
        }
    }

    /// The slot of a command or transaction; none where there are no slots, or where any node will do.
    pub fn slot_of(&self, _what: &What) -> Result<Option<u16>, Error> {
        Ok(None)
    }

    /// The slot of what is read.
    pub fn slot_of_read(&self, _request: &Request) -> Result<Option<u16>, Error> {
        Ok(None)
    }

    /// A server says that another one serves a slot: which one.
    pub fn redirected(&mut self, _trouble: &Trouble, _nodes: &mut Nodes, _turn: &mut Turn<'_>) -> Option<NodeId> {
        None
    }

    /// Something looks as if others served now.
    pub fn suspect(&mut self, _now: Time) {}

    /// A connection for questions is ready.
    pub fn link_ready(&mut self, _link: LinkId, _turn: &mut Turn<'_>) {}

    /// A connection for questions is gone.
    pub fn link_closed(&mut self, _link: LinkId, _turn: &mut Turn<'_>) {}

    /// An answer came.
    pub fn answered(
        &mut self,
        _link: LinkId,
        _question: Question,
        _reply: &Reply,
        _nodes: &mut Nodes,
        _turn: &mut Turn<'_>,
    ) -> Changes {
        Changes::default()
    }

    /// An announcement came.
    pub fn announced(&mut self, _push: &[Reply], _nodes: &mut Nodes, _turn: &mut Turn<'_>) -> Changes {
        Changes::default()
    }
}
