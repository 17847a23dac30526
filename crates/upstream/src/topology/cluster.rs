//! The primaries of a cluster's slots.
//!
//! `CLUSTER INFO` and `CLUSTER SLOTS` are asked of one primary after another, every `topology_interval` and at every sign of
//! change (`MOVED`, an unasked `sunsubscribe`, a lost connection); before any primary is known, of the seeds. A node that
//! itself says that the cluster fails, or that has not heard of the newest epoch, is not believed: it may be the old owner,
//! cut off from the others.

use super::Changes;
use crate::interface::{Address, LinkId, Notice, Role, Topology};
use crate::link::{Expected, Question};
use crate::node::{NodeId, Nodes, reconnect_wait};
use crate::reply::{self, Trouble};
use crate::turn::{Turn, line};
use model::slot::SLOTS;
use model::{Reply, Time};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Signs of change lead to at most one question in so long.
const ASK_MIN: Duration = Duration::from_millis(20);
/// A primary without slots is given up after so long: it may be about to get some.
const RETIRE_AFTER: Duration = Duration::from_secs(10);
/// Maps of a lower epoch are believed after all if there were no others for so long: the cluster was made anew.
const OLD_EPOCH_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    owners: Owners,
    /// Who has slots, and how many; who has none any more, and since when.
    slots_of: BTreeMap<NodeId, u32>,
    idle_since: BTreeMap<NodeId, Time>,
    /// Where channels and patterns of all nodes are heard.
    hub: Option<NodeId>,
    ask_at: Time,
    asked_at: Time,
    /// Which primary is asked next.
    turn: usize,
    /// A connection to a seed, while no primary can be asked.
    seed: Option<LinkId>,
    seed_at: usize,
    seed_retry_at: Time,
    failures: u32,
    /// What the node that is being asked said of the cluster.
    reporter: Reporter,
    epoch: u64,
    /// Since when only older maps came.
    old_since: Option<Time>,
    unserved: u32,
    /// A redirection has changed the map since the last answer; what follows from it is done with the next one.
    is_redirected: bool,
}

/// Who owns each slot.
#[derive(Clone, PartialEq, Eq)]
struct Owners(Vec<Option<NodeId>>);

/// What the node that is asked for its map says of the cluster.
#[derive(Clone, Copy, Debug, Default)]
struct Reporter {
    is_failing: bool,
    epoch: u64,
}

impl Cluster {
    pub fn new() -> Cluster {
        Cluster {
            owners: Owners::none(),
            slots_of: BTreeMap::new(),
            idle_since: BTreeMap::new(),
            hub: None,
            ask_at: Time::ZERO,
            asked_at: Time::ZERO,
            turn: 0,
            seed: None,
            seed_at: 0,
            seed_retry_at: Time::ZERO,
            failures: 0,
            reporter: Reporter::default(),
            epoch: 0,
            old_since: None,
            unserved: 0,
            is_redirected: false,
        }
    }

    /// Who owns the slot; without a slot, who is asked what any node can answer.
    pub fn route(&self, slot: Option<u16>) -> Option<NodeId> {
        match slot {
            Some(slot) => *self.owners.0.get(usize::from(slot))?,
            None => self.hub,
        }
    }

    #[cfg(test)]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Where channels and patterns of all nodes are heard.
    pub fn hub(&self) -> Option<NodeId> {
        self.hub
    }

    pub fn next_timeout(&self) -> Option<Time> {
        let retire = self.idle_since.values().map(|since| *since + RETIRE_AFTER).min();
        Some(retire.map_or(self.ask_at, |at| at.min(self.ask_at)))
    }

    /// Asks when it is time, gives up who has no slots, and finds another hub if the one there was is out of reach.
    pub fn tick(&mut self, nodes: &Nodes, turn: &mut Turn<'_>) -> Changes {
        if self.ask_at <= turn.now {
            self.ask(nodes, turn);
        }
        let gone: Vec<NodeId> = self
            .idle_since
            .iter()
            .filter(|(_, since)| turn.now >= **since + RETIRE_AFTER)
            .map(|(node, _)| *node)
            .collect();
        self.idle_since.retain(|node, _| !gone.contains(node));
        let is_moved = self.choose_hub(nodes);
        Changes { gone, moved: is_moved, ..Changes::default() }
    }

    /// Whether it is another one now.
    fn choose_hub(&mut self, nodes: &Nodes) -> bool {
        let serves = |id: &NodeId| self.slots_of.contains_key(id) && nodes.get(*id).is_some_and(|node| !node.is_out);
        if self.hub.as_ref().is_some_and(serves) {
            return false;
        }
        let next = self.slots_of.keys().find(|id| serves(id)).copied();
        if next.is_none() || next == self.hub {
            return false;
        }
        self.hub = next;
        true
    }

    /// The next primary that can be asked; without one, a seed.
    fn ask(&mut self, nodes: &Nodes, turn: &mut Turn<'_>) {
        self.asked_at = turn.now;
        self.ask_at = turn.now + turn.shared.config.topology_interval;
        let (now, config) = (turn.now, &turn.shared.config);
        let usable: Vec<LinkId> = nodes
            .iter()
            .filter_map(|node| node.usable(Role::Commands, &turn.shared.links, now, config))
            .map(|link| link.id)
            .collect();
        self.turn += 1;
        match usable.get(self.turn % usable.len().max(1)) {
            Some(link) => ask_link(*link, turn),
            None => self.ask_seed(turn),
        }
    }

    fn ask_seed(&mut self, turn: &mut Turn<'_>) {
        let Topology::Cluster { seeds } = &turn.shared.config.topology else { return };
        match self.seed {
            Some(link) if turn.shared.links.get(link).is_some_and(|link| link.is_ready()) => ask_link(link, turn),
            Some(_) => {}
            None if turn.now < self.seed_retry_at => self.ask_at = self.seed_retry_at,
            None => {
                let known = seeds.get(self.seed_at % seeds.len().max(1)).cloned();
                self.seed = known.map(|address| turn.connect(None, Role::Map, address));
            }
        }
    }

    pub fn link_ready(&mut self, link: LinkId, turn: &mut Turn<'_>) {
        self.failures = 0;
        ask_link(link, turn);
    }

    pub fn link_closed(&mut self, turn: &mut Turn<'_>) {
        self.seed = None;
        self.seed_at += 1;
        self.failures += 1;
        self.seed_retry_at = turn.now + reconnect_wait(turn, self.failures);
        self.ask_at = self.ask_at.min(self.seed_retry_at);
    }

    /// Something looks as if slots had other owners.
    pub fn suspect(&mut self, now: Time) {
        self.ask_at = self.ask_at.min(now.max(self.asked_at + ASK_MIN));
    }

    /// The slot's owner, as a redirection names it.
    pub fn redirected(&mut self, trouble: &Trouble, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Option<NodeId> {
        let address = match trouble {
            Trouble::Moved(_, address) => address.clone()?,
            Trouble::Ask(address) => address.clone(),
            _ => return None,
        };
        self.suspect(turn.now);
        let node = self.node_at(address, nodes, turn.now);
        if let Trouble::Moved(slot, _) = trouble
            && let Some(owner) = self.owners.0.get_mut(usize::from(*slot))
            && *owner != Some(node)
        {
            *owner = Some(node);
            self.is_redirected = true;
            self.count_slots(turn.now);
        }
        Some(node)
    }

    fn node_at(&mut self, address: Address, nodes: &mut Nodes, now: Time) -> NodeId {
        let known = nodes.at(&address).map(|node| node.id);
        let node = known.unwrap_or_else(|| nodes.add(address, now));
        if !self.slots_of.contains_key(&node) {
            self.idle_since.insert(node, now);
        }
        node
    }

    pub fn answered(
        &mut self,
        link: LinkId,
        question: Question,
        reply: &Reply,
        nodes: &mut Nodes,
        turn: &mut Turn<'_>,
    ) -> Changes {
        match question {
            Question::ClusterInfo => {
                self.reporter = Reporter::of(reply);
                Changes::default()
            }
            Question::Slots => {
                let changes = self.slots_told(link, reply, nodes, turn);
                // A seed is asked only until primaries can be.
                let is_seed = self.seed == Some(link) && !self.slots_of.is_empty();
                Changes { drop: is_seed.then_some(link), ..changes }
            }
            Question::MasterAddress | Question::Switches => Changes::default(),
        }
    }

    fn slots_told(&mut self, link: LinkId, reply: &Reply, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        let Some(link) = turn.shared.links.get(link) else { return Changes::default() };
        let Some(ranges) = ranges(reply, &link.address) else {
            let (address, reason) = (link.address.clone(), reply::error_text(reply).unwrap_or_default());
            turn.notice(Notice::Refused { address, what: "CLUSTER SLOTS", reason });
            return Changes::default();
        };
        let (knows_none, epoch) = (self.slots_of.is_empty(), self.epoch);
        if !self.is_believed(turn.now) {
            return Changes::default();
        }
        let mut owners = Owners::none();
        for (from, to, address) in ranges {
            let node = self.node_at(address, nodes, turn.now);
            let range = usize::from(from)..=usize::from(to).min(owners.0.len() - 1);
            owners.0.get_mut(range).into_iter().flatten().for_each(|owner| *owner = Some(node));
        }
        let moved = owners.0.iter().zip(&self.owners.0).filter(|(new, old)| new != old).count() as u32;
        self.owners = owners;
        self.count_slots(turn.now);
        self.tell(moved, turn);
        let is_hub_new = self.choose_hub(nodes);
        let is_redirected = std::mem::take(&mut self.is_redirected);
        let is_moved = moved > 0 || is_redirected;
        // Each change of owners has an epoch: if there were more than are seen, slots may have gone and come back, and what
        // was missing when they went may have been made meanwhile.
        let unseen = !knows_none && self.epoch > epoch + u64::from(is_moved);
        Changes { moved: is_moved || is_hub_new, unseen, ..Changes::default() }
    }

    fn is_believed(&mut self, now: Time) -> bool {
        let knows_none = self.slots_of.is_empty();
        let is_old = self.reporter.is_failing || self.reporter.epoch < self.epoch;
        if is_old && !knows_none {
            let since = *self.old_since.get_or_insert(now);
            if self.reporter.is_failing || now < since + OLD_EPOCH_MAX {
                return false;
            }
        }
        self.old_since = None;
        self.epoch = self.reporter.epoch;
        true
    }

    fn count_slots(&mut self, now: Time) {
        let before = std::mem::take(&mut self.slots_of);
        for owner in self.owners.0.iter().flatten() {
            *self.slots_of.entry(*owner).or_default() += 1;
        }
        self.idle_since.retain(|node, _| !self.slots_of.contains_key(node));
        for node in before.into_keys().filter(|node| !self.slots_of.contains_key(node)) {
            self.idle_since.insert(node, now);
        }
    }

    fn tell(&mut self, moved: u32, turn: &mut Turn<'_>) {
        if moved > 0 {
            turn.shared.statistics.topology_changes += 1;
            turn.notice(Notice::SlotsMoved { slots: moved });
        }
        let unserved = self.owners.0.iter().filter(|owner| owner.is_none()).count() as u32;
        if unserved != self.unserved && unserved > 0 {
            turn.notice(Notice::SlotsUnserved { slots: unserved });
        }
        self.unserved = unserved;
    }
}

impl Owners {
    fn none() -> Owners {
        Owners(vec![None; usize::from(SLOTS)])
    }
}

impl fmt::Debug for Owners {
    /// By ranges: where each begins, and whose it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges = f.debug_map();
        let mut first = 0;
        for range in self.0.chunk_by(|a, b| a == b) {
            ranges.entry(&first, &range[0]);
            first += range.len();
        }
        ranges.finish()
    }
}

impl Reporter {
    fn of(reply: &Reply) -> Reporter {
        let text = reply::text(reply).unwrap_or_default();
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let epoch = field("cluster_current_epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
        Reporter { is_failing: field("cluster_state").is_some_and(|state| state != "ok"), epoch }
    }
}

fn ask_link(link: LinkId, turn: &mut Turn<'_>) {
    turn.send(link, line(["CLUSTER", "INFO"]), Expected::Topology(Question::ClusterInfo));
    turn.send(link, line(["CLUSTER", "SLOTS"]), Expected::Topology(Question::Slots));
}

/// First slot, last slot and primary of each range. A node that does not know its own host is where it was asked.
fn ranges(reply: &Reply, asked: &Address) -> Option<Vec<(u16, u16, Address)>> {
    let range = |entry: &Reply| {
        let [from, to, primary, ..] = reply::items(entry)? else { return None };
        let number = |reply: &Reply| u16::try_from(reply::int(reply)?).ok();
        let [host, port, ..] = reply::items(primary)? else { return None };
        let host = reply::text(host).filter(|host| !host.is_empty() && host != "?");
        let host = host.or_else(|| match asked {
            Address::Tcp { host, .. } => Some(host.clone()),
            Address::Unix(_) => None,
        })?;
        Some((number(from)?, number(to)?, Address::Tcp { host, port: number(port)? }))
    };
    reply::items(reply)?.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn ranges_name_their_primaries() {
        let node = |host: Reply, port| Reply::Array(vec![host, Reply::Int(port), Reply::bulk("id")]);
        let entry = |from, to, primary| Reply::Array(vec![Reply::Int(from), Reply::Int(to), primary]);
        let reply = Reply::Array(vec![
            entry(0, 99, node(Reply::bulk("10.0.0.1"), 1)),
            entry(100, 100, node(Reply::bulk(""), 2)),
            entry(101, 16383, node(Reply::Null, 3)),
        ]);
        let (a, b, c) = (tcp("10.0.0.1", 1), tcp("seed", 2), tcp("seed", 3));
        assert_eq!(ranges(&reply, &tcp("seed", 9)), Some(vec![(0, 99, a), (100, 100, b), (101, 16383, c)]));
        assert_eq!(ranges(&Reply::error("ERR This instance has cluster support disabled"), &tcp("s", 1)), None);
        assert_eq!(ranges(&Reply::Array(vec![Reply::Int(1)]), &tcp("s", 1)), None);
    }

    #[test]
    fn a_node_that_is_cut_off_is_not_believed() {
        let info = |state: &str, epoch: u64| {
            Reporter::of(&Reply::bulk(format!("cluster_state:{state}\r\ncluster_current_epoch:{epoch}\r\n")))
        };
        let mut cluster = Cluster::new();
        let mut believes = |reporter, at| {
            cluster.reporter = reporter;
            let believed = cluster.is_believed(Time::from_millis(at));
            cluster.slots_of.insert(NodeId(0), 1);
            believed
        };
        assert!(believes(info("fail", 1), 0), "nothing better is known");
        assert!(believes(info("ok", 7), 0));
        assert!(!believes(info("ok", 6), 1000));
        assert!(!believes(info("fail", 8), 2000));
        assert!(believes(info("ok", 7), 3000));
        assert!(!believes(info("ok", 6), 4000));
        assert!(believes(info("ok", 6), 14_000), "the cluster was made anew");
    }
}
