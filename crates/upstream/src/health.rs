//! What is stale: when the lanes are told that the backend is out of reach, and when that it is in reach again.
//!
//! Trouble is a connection that is not ready, or owes an answer; it is told when it has lasted for half of `stale_after`.
//! One primary of several that is in trouble is not told as such: what was read there is told as changed, and reading it
//! again is answered with "not now", which marks just those feeds.

use crate::Upstream;
use crate::interface::{Notice, Output, Role};
use crate::node::{Node, NodeId, Nodes, patience};
use crate::turn::{Shared, Turn};
use model::Time;
use model::backend::BackendEvent;
use model::request::Via;

/// What the lanes were told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    is_stale: bool,
    /// All that is known was in reach once.
    has_begun: bool,
    /// Since when no server is known that serves.
    nobody_since: Option<Time>,
    via: Via,
}

impl Health {
    pub fn new(now: Time) -> Health {
        Health { is_stale: false, has_begun: false, nobody_since: Some(now), via: Via::Tracking }
    }

    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// When trouble that is known will have lasted long enough to be told.
    pub fn next_timeout(&self, nodes: &Nodes, shared: &Shared) -> Option<Time> {
        let patience = patience(&shared.config);
        let of_node = |node: &Node| {
            let reads = node.reads_trouble_since(&shared.links).filter(|_| !node.is_out);
            // In a cluster one node's trouble is not everybody's.
            let all = node.trouble_since(&shared.links).filter(|_| !self.is_stale && !shared.is_cluster());
            [reads, all].into_iter().flatten().min().map(|since| since + patience)
        };
        let nobody = self.nobody_since.filter(|_| !self.is_stale).map(|since| since + patience);
        nodes.iter().filter_map(of_node).chain(nobody).min()
    }
}

impl Upstream {
    /// Tells who is out of reach, and who is again in reach.
    pub(crate) fn look_at_health(&mut self, now: Time, out: &mut Vec<Output>) {
        let lost = self.look_at_nodes(now);
        let patience = patience(&self.shared.config);
        let links = &self.shared.links;
        let worst = |since: Option<Time>| since.is_some_and(|since| now >= since + patience);
        let (is_lost, is_found) = if self.shared.is_cluster() {
            let any_in_reach = self.nodes.iter().any(|node| !node.is_out);
            let any_well = self.nodes.iter().any(|node| node.reads_trouble_since(links).is_none());
            (!any_in_reach && self.nodes.iter().next().is_some(), any_well)
        } else {
            let since = self.nodes.iter().filter_map(|node| node.trouble_since(links)).min();
            (worst(since), since.is_none())
        };
        let has_nobody = self.nodes.iter().next().is_none();
        self.health.nobody_since = has_nobody.then(|| self.health.nobody_since.unwrap_or(now));
        if !self.health.has_begun {
            let can_ask =
                |node: &Node| [Role::Tracking, Role::Commands].iter().all(|role| node.ready(*role, links).is_some());
            self.health.has_begun = !has_nobody && self.nodes.iter().all(can_ask);
        }
        let is_lost = is_lost || worst(self.health.nobody_since);
        let is_found = is_found && !has_nobody && self.pubsub.is_settled();
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        if is_lost && !self.health.is_stale {
            self.health.is_stale = true;
            turn.tell_all(&BackendEvent::Stale(true));
            turn.notice(Notice::Stale);
            self.reads.give_up(None, turn);
        } else if is_found && self.health.is_stale {
            self.health.is_stale = false;
            turn.tell_all(&BackendEvent::Stale(false));
            turn.notice(Notice::Current);
        }
        for id in lost {
            self.reads.give_up(Some(id), turn);
            if turn.shared.is_cluster() {
                self.reads.invalidated_where(|_, at| at == id, turn);
            }
        }
    }

    /// Which nodes are out of reach since now.
    fn look_at_nodes(&mut self, now: Time) -> Vec<NodeId> {
        let patience = patience(&self.shared.config);
        let mut lost: Vec<NodeId> = Vec::new();
        for node in self.nodes.iter_mut() {
            let since = node.reads_trouble_since(&self.shared.links);
            match since {
                None => node.is_out = false,
                Some(since) if now >= since + patience && !node.is_out => {
                    node.is_out = true;
                    lost.push(node.id);
                }
                Some(_) => {}
            }
        }
        lost
    }

    /// Tells how changes are noticed, if that is different now.
    pub(crate) fn tell_via(&mut self, now: Time, out: &mut Vec<Output>) {
        let via = self.worst_via();
        if self.health.via != via {
            self.health.via = via;
            Turn { shared: &mut self.shared, now, out }.tell_all(&BackendEvent::Via(via));
        }
    }
}
