//! Reads of live queries and followed streams, and the invalidations of what they read.
//!
//! Both come on one connection in the order in which the server did them, and this decides everything:
//!
//! * An invalidation before a reply: that reply is newer than the change. So a key is armed when the reply is here, not
//!   when the read is sent, and what was armed before is told.
//! * An invalidation after a reply: the reply may be older. If the lane does not have it yet, because key expiries are
//!   still asked for, it is told right after it.
//!
//! Reads may be repeated, so those that a lost connection leaves open are asked again on the next one. At most
//! `reads_in_flight_max` are under way at each node: after a reconnect everything is read again, but not at once.
//!
//! * `read`: one read, its parts and its answer
//! * `expiry`: what is asked so that the gateway knows when something expires

mod expiry;
mod read;

pub(crate) use read::{Part, ReadId};

use crate::interface::{LinkId, Role};
use crate::link::{Expected, TableQuestion};
use crate::node::{Node, NodeId, Nodes};
use crate::reply::{self, Trouble};
use crate::spacing::{Spacing, Verdict};
use crate::turn::{Turn, line};
use crate::watched::{SHARDS, Told, Watched};
use crate::{Answer, Notice, Output, digest};
use ahash::AHashMap;
use bytes::Bytes;
use model::backend::BackendEvent;
use model::{LaneId, Reply, Time};
use read::{Finished, Read};
pub(crate) use read::{Question, Request};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// All reads, and all keys that are watched.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    begun: u64,
    reads: AHashMap<ReadId, Read>,
    /// Reads whose node is not known yet.
    unrouted: VecDeque<ReadId>,
    queues: BTreeMap<NodeId, Queue>,
    /// Reads that have their main reply, but lack something that goes with it.
    partial: Vec<ReadId>,
    pub watched: Watched,
    sweep: Sweep,
    /// Rises when slots have other owners.
    map_version: u64,
}

/// The reads of one node.
#[derive(Clone, Debug, Default)]
struct Queue {
    /// Nobody has an answer to these yet.
    first: VecDeque<ReadId>,
    /// These were answered before.
    again: VecDeque<ReadId>,
    in_flight: usize,
    spacing: Spacing,
}

/// Everything is read again now and then, a part at a time.
#[derive(Clone, Copy, Debug)]
struct Sweep {
    shard: usize,
    at: Option<Time>,
}

/// What an answer to a read says about the server.
#[derive(Debug)]
pub(crate) enum Sign {
    /// Nothing.
    None,
    /// This trouble; the read is answered.
    Trouble(Trouble, String),
    /// The read is to be sent elsewhere.
    Redirect(ReadId, Trouble),
}

impl Reads {
    pub fn new() -> Reads {
        Reads {
            begun: 0,
            reads: AHashMap::new(),
            unrouted: VecDeque::new(),
            queues: BTreeMap::new(),
            partial: Vec::new(),
            watched: Watched::new(),
            sweep: Sweep { shard: 0, at: None },
            map_version: 0,
        }
    }

    /// A lane asks. The read is to be given a node, or left unrouted.
    pub fn request(&mut self, request: Request) -> ReadId {
        self.begun += 1;
        let id = ReadId(self.begun);
        self.reads.insert(id, Read::new(request));
        id
    }

    /// Reads that are given no node yet, in the order they were asked for.
    pub fn take_unrouted(&mut self) -> VecDeque<ReadId> {
        std::mem::take(&mut self.unrouted)
    }

    /// The slot of a read's keys, in a cluster.
    pub fn slot(&self, id: ReadId) -> Option<u16> {
        self.reads.get(&id).and_then(|read| read.request.slot)
    }

    /// It cannot be done now.
    pub fn refuse(&mut self, id: ReadId, turn: &mut Turn<'_>) {
        if let Some(read) = self.reads.remove(&id) {
            read.answer_not_ready(turn);
        }
    }

    /// There is no node for it now.
    pub fn leave_unrouted(&mut self, id: ReadId) {
        self.unrouted.push_back(id);
    }

    /// The read is done at this node; `asking`: which only imports its slot.
    pub fn give(&mut self, id: ReadId, node: NodeId, asking: bool) {
        let Some(read) = self.reads.get_mut(&id) else { return };
        (read.node, read.asking) = (node, asking);
        let queue = self.queues.entry(node).or_default();
        let is_again = read.request.keys.first().is_some_and(|key| self.watched.has_seen(key, read.request.digest));
        if is_again { queue.again.push_back(id) } else { queue.first.push_back(id) }
    }

    /// Sends as many reads to the node as may be under way.
    pub fn begin(&mut self, node: &Node, turn: &mut Turn<'_>) {
        let (now, config) = (turn.now, &turn.shared.config);
        let max = config.reads_in_flight_max.max(1);
        let Some(link) = node.usable(Role::Tracking, &turn.shared.links, now, config) else { return };
        let (link, has_field_expiry) = (link.id, link.server.has_field_expiry());
        let Some(queue) = self.queues.get_mut(&node.id) else { return };
        while queue.in_flight < max {
            let Some(id) = queue.next(now) else { break };
            let Some(read) = self.reads.get_mut(&id) else { continue };
            queue.in_flight += 1;
            read.map_version = self.map_version;
            read.begin(id, link, has_field_expiry, &self.watched, turn);
        }
    }

    /// A part of an answer came.
    pub fn answered(&mut self, id: ReadId, part: Part, answer: Answer, turn: &mut Turn<'_>) -> Sign {
        let Some(read) = self.reads.get_mut(&id) else { return Sign::None };
        let was_armed = read.is_armed();
        read.answered(id, part, answer, &mut self.watched, turn);
        if !was_armed && read.is_armed() {
            self.partial.push(id);
        }
        let is_complete = read.is_complete();
        for (key, told) in std::mem::take(&mut read.armed_elsewhere) {
            self.tell(&key, told, turn);
        }
        if is_complete { self.complete(id, turn) } else { Sign::None }
    }

    /// All parts are here.
    fn complete(&mut self, id: ReadId, turn: &mut Turn<'_>) -> Sign {
        self.partial.retain(|partial| *partial != id);
        let Some(mut read) = self.reads.remove(&id) else { return Sign::None };
        if let Some(queue) = self.queues.get_mut(&read.node) {
            queue.in_flight = queue.in_flight.saturating_sub(1);
        }
        // Its answer was "not now" already: nothing is to be asked again for it either.
        if read.is_abandoned {
            return Sign::None;
        }
        let finished = read.finish(turn);
        if let Finished::Again = finished {
            let node = read.node;
            self.reads.insert(id, read);
            self.queues.entry(node).or_default().first.push_front(id);
            return Sign::None;
        }
        match finished {
            Finished::Redirect(trouble) => {
                self.reads.insert(id, read);
                Sign::Redirect(id, trouble)
            }
            Finished::Trouble(trouble, text) => {
                read.answer_not_ready(turn);
                Sign::Trouble(trouble, text)
            }
            Finished::Event { event, digest, changed } => {
                self.compare(&read, digest, turn);
                self.learn(&event, &read);
                let is_elsewhere = read.map_version != self.map_version;
                let changed = if is_elsewhere { read.request.keys.to_vec() } else { changed };
                turn.tell(read.request.from, event);
                tell_invalidated(turn, read.request.from, changed);
                Sign::None
            }
            Finished::Again => Sign::None,
        }
    }

    /// Whether the answer is a new one.
    fn compare(&mut self, read: &Read, digest: u64, turn: &mut Turn<'_>) {
        let Some(key) = read.request.keys.first() else { return };
        match self.watched.see(key, read.request.digest, digest) {
            Some(true) => turn.shared.statistics.reads_unchanged += 1,
            _ => {
                if let Some(queue) = self.queues.get_mut(&read.node) {
                    queue.spacing.changed();
                }
            }
        }
    }

    /// How large a stream's entries are.
    fn learn(&mut self, event: &BackendEvent, read: &Read) {
        if let BackendEvent::Range { range: Some(Ok(range)), .. } = event
            && let (Some(size), Some(key)) = (Read::entry_bytes(range), read.request.keys.first())
        {
            self.watched.set_traits(key, |traits| traits.entry_bytes = size);
        }
    }

    /// A read that was redirected is done there; after too many redirections it is answered.
    pub fn redirect(&mut self, id: ReadId, node: Option<NodeId>, asking: bool, turn: &mut Turn<'_>) {
        let Some(read) = self.reads.get_mut(&id) else { return };
        read.hops += 1;
        if read.hops > turn.shared.config.redirects_max {
            if let Some(read) = self.reads.remove(&id) {
                read.answer_not_ready(turn);
            }
            return;
        }
        turn.shared.statistics.redirects += 1;
        match node {
            Some(node) => self.give(id, node, asking),
            None => self.refuse(id, turn),
        }
    }

    /// Slots have other owners now. What was read elsewhere is told as changed: keys that were missing there too, of which
    /// the old owner never tells. What is being read elsewhere will be told after its answer.
    pub fn moved(&mut self, is_elsewhere: impl Fn(&[u8], NodeId) -> bool, turn: &mut Turn<'_>) {
        self.map_version += 1;
        self.invalidated_where(|key, at| is_elsewhere(key, at), turn);
    }

    /// The server tells that these keys changed, or may have.
    pub fn invalidated(&mut self, keys: &[Bytes], node: NodeId, turn: &mut Turn<'_>) {
        for key in keys {
            turn.shared.statistics.invalidations += 1;
            let told = self.watched.disarm(key);
            if !told.is_empty() {
                self.queues.entry(node).or_default().spacing.invalidated(turn.now);
                self.tell(key, told, turn);
            }
        }
    }

    /// Tells the lanes, after the answer that a lane does not have yet and that may be older.
    fn tell(&mut self, key: &Bytes, told: Told, turn: &mut Turn<'_>) {
        for lane in told {
            let mut is_deferred = false;
            for id in &self.partial {
                let read = self.reads.get_mut(id).filter(|read| read.request.from == lane);
                if let Some(read) = read.filter(|read| read.request.keys.contains(key)) {
                    read.changed.push(key.clone());
                    is_deferred = true;
                }
            }
            if !is_deferred {
                tell_invalidated(turn, lane, vec![key.clone()]);
            }
        }
    }

    /// Anything that was read at the node may have changed; `all`: and there is no other node.
    pub fn invalidated_all(&mut self, node: NodeId, all: bool, turn: &mut Turn<'_>) {
        turn.shared.statistics.invalidations_all += 1;
        if !all {
            return self.invalidated_where(|_, at| at == node, turn);
        }
        self.watched.disarm_where(|_, _| true);
        for id in &self.partial {
            if let Some(read) = self.reads.get_mut(id) {
                read.changed = read.request.keys.to_vec();
            }
        }
        turn.tell_all(&BackendEvent::InvalidatedAll);
    }

    /// These keys may have changed.
    pub fn invalidated_where(&mut self, which: impl FnMut(&Bytes, NodeId) -> bool, turn: &mut Turn<'_>) {
        for (key, told) in self.watched.disarm_where(which) {
            self.tell(&key, told, turn);
        }
    }

    /// A lane watches these keys no more.
    pub fn forget(&mut self, lane: LaneId, keys: &[Bytes]) {
        for key in keys {
            self.watched.forget(key, lane);
        }
        for read in self.reads.values_mut().filter(|read| read.request.from == lane) {
            let gone = read.request.keys.iter().filter(|key| keys.contains(key)).cloned();
            read.forgotten.extend(gone);
        }
    }

    /// The node's connection is gone: what it was asked is asked again on the next one.
    pub fn connection_lost(&mut self, node: NodeId, expected: impl Iterator<Item = ReadId>, turn: &mut Turn<'_>) {
        let Some(queue) = self.queues.get_mut(&node) else { return };
        queue.in_flight = 0;
        queue.spacing.connection_lost();
        let mut again: Vec<ReadId> = expected.collect();
        again.dedup();
        for id in again.into_iter().rev() {
            let Some(read) = self.reads.get_mut(&id) else { continue };
            self.partial.retain(|partial| *partial != id);
            if read.is_abandoned {
                self.reads.remove(&id);
            } else if !queue.first.contains(&id) {
                // What was to be told after this answer concerns other watches of the lane too.
                tell_invalidated(turn, read.request.from, std::mem::take(&mut read.changed));
                read.restart();
                queue.first.push_front(id);
            }
        }
    }

    /// The node is none any more, or has no connection that is answered: what is asked of it waits for another node.
    pub fn unroute(&mut self, node: NodeId) {
        if let Some(queue) = self.queues.remove(&node) {
            self.unrouted.extend(queue.first.into_iter().chain(queue.again));
        }
    }

    /// What is asked of the node, or of none, is answered now: read again later.
    pub fn give_up(&mut self, node: Option<NodeId>, turn: &mut Turn<'_>) {
        let is_meant = |read: &Read| node.is_none_or(|node| read.is_begun() && read.node == node);
        let waiting: Vec<ReadId> = match node {
            None => self.unrouted.drain(..).collect(),
            Some(_) => Vec::new(),
        };
        let queued = self.queues.iter_mut().filter(|(at, _)| node.is_none_or(|node| node == **at));
        let queued = queued.flat_map(|(_, queue)| queue.first.drain(..).chain(queue.again.drain(..)));
        let mut ids: Vec<ReadId> = waiting.into_iter().chain(queued).collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(read) = self.reads.remove(&id) {
                read.answer_not_ready(turn);
            }
        }
        let mut begun: Vec<ReadId> =
            self.reads.iter().filter(|(_, read)| is_meant(read) && !read.is_abandoned).map(|(id, _)| *id).collect();
        begun.sort_unstable();
        for id in begun {
            self.partial.retain(|partial| *partial != id);
            if let Some(read) = self.reads.get_mut(&id) {
                read.is_abandoned = true;
                read.answer_not_ready(turn);
                tell_invalidated(turn, read.request.from, std::mem::take(&mut read.changed));
            }
        }
    }

    /// A part of everything is read again when it is time for it: nothing tells of what it heals.
    pub fn sweep(&mut self, is_polling: bool, turn: &mut Turn<'_>) {
        let config = &turn.shared.config;
        let interval = if is_polling { config.poll_interval } else { config.reread_interval };
        if interval.is_zero() || self.watched.armed() == 0 {
            self.sweep.at = None;
            return;
        }
        let step = interval / SHARDS as u32;
        // The interval may have become shorter.
        let mut due = self.sweep.at.map_or(turn.now + step, |at| at.min(turn.now + step));
        for _ in 0..SHARDS {
            if due > turn.now {
                break;
            }
            self.sweep.shard = (self.sweep.shard + 1) % SHARDS;
            for (key, told) in self.watched.disarm_shard_where(self.sweep.shard, |_, _| true) {
                self.tell(&key, told, turn);
            }
            due = due + step;
        }
        // After a pause everything is due once at most.
        self.sweep.at = Some(due.max(turn.now));
    }

    /// Ends the windows in which vain invalidations are counted.
    pub fn look_at_spacing(&mut self, nodes: &Nodes, turn: &mut Turn<'_>) {
        let due = |queue: &Queue| queue.spacing.next_timeout().is_some_and(|at| at <= turn.now);
        let ended: Vec<NodeId> = self.queues.iter().filter(|(_, queue)| due(queue)).map(|(id, _)| *id).collect();
        for id in ended {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            let verdict = queue.spacing.end_window(turn.now);
            let Some(node) = nodes.get(id) else { continue };
            self.carry_out(node, verdict, turn);
        }
    }

    /// The server told something about its tracking table.
    pub fn table_told(&mut self, node: &Node, question: TableQuestion, reply: &Reply, turn: &mut Turn<'_>) {
        let Some(queue) = self.queues.get_mut(&node.id) else { return };
        let positive = |number: i64| u64::try_from(number).ok();
        match question {
            TableQuestion::KeysMax => {
                let max = reply::field(reply, "tracking-table-max-keys").and_then(reply::int).and_then(positive);
                queue.spacing.learned_keys_max(max);
            }
            TableQuestion::Keys => {
                let verdict = queue.spacing.learned_keys(tracked_keys(reply), turn.now);
                self.carry_out(node, verdict, turn);
            }
        }
    }

    fn carry_out(&mut self, node: &Node, verdict: Verdict, turn: &mut Turn<'_>) {
        let address = node.address.clone();
        let keys_max = self.queues.get(&node.id).and_then(|queue| queue.spacing.keys_max());
        match verdict {
            Verdict::Same => {}
            Verdict::Ask => {
                let Some(link) = node.ready(Role::Tracking, &turn.shared.links).map(|link| link.id) else { return };
                let (max, keys) = (TableQuestion::KeysMax, TableQuestion::Keys);
                turn.send(link, line(["CONFIG", "GET", "tracking-table-max-keys"]), Expected::TableSize(max));
                turn.send(link, line(["INFO", "stats"]), Expected::TableSize(keys));
            }
            Verdict::Spaced(reads_per_second) => {
                turn.notice(Notice::TrackingTableSmall { address, keys_max, reads_per_second });
            }
            Verdict::Free => turn.notice(Notice::TrackingTableEnough { address }),
        }
    }

    /// When something is due though nothing happens.
    pub fn next_timeout(&self) -> Option<Time> {
        let of_queue = |queue: &Queue| {
            let again = (!queue.again.is_empty() && queue.spacing.rate().is_some()).then(|| queue.spacing.next_at());
            [queue.spacing.next_timeout(), again].into_iter().flatten().min()
        };
        self.queues.values().filter_map(of_queue).chain(self.sweep.at).min()
    }

    /// Fills in what it knows of the numbers.
    pub fn count(&self, statistics: &mut crate::Statistics) {
        statistics.armed = self.watched.armed() as u64;
        statistics.reads_in_flight = self.queues.values().map(|queue| queue.in_flight as u64).sum();
        let waiting = |queue: &Queue| (queue.first.len() + queue.again.len()) as u64;
        statistics.reads_waiting = self.unrouted.len() as u64 + self.queues.values().map(waiting).sum::<u64>();
        statistics.reads_per_second_max =
            self.queues.values().filter_map(|queue| queue.spacing.rate()).min().unwrap_or(0);
    }
}

impl Queue {
    /// The next read that may begin.
    fn next(&mut self, now: Time) -> Option<ReadId> {
        if let Some(id) = self.first.pop_front() {
            return Some(id);
        }
        if self.spacing.next_at() > now {
            return None;
        }
        let id = self.again.pop_front()?;
        self.spacing.spend(now);
        Some(id)
    }
}

/// Tells a lane of keys, in the event before if that was for the same lane.
fn tell_invalidated(turn: &mut Turn<'_>, lane: LaneId, keys: Vec<Bytes>) {
    if keys.is_empty() {
        return;
    }
    if let Some(Output::Event { lane: last, event: BackendEvent::Invalidated { keys: known } }) = turn.out.last_mut()
        && *last == lane
    {
        known.extend(keys);
        return;
    }
    turn.tell(lane, BackendEvent::Invalidated { keys });
}

/// `tracking_total_keys` of `INFO stats`.
fn tracked_keys(reply: &Reply) -> Option<u64> {
    let text = reply::text(reply)?;
    text.lines().find_map(|line| line.strip_prefix("tracking_total_keys:"))?.trim().parse().ok()
}

/// The time by which a key that expires while its slot moves is read again.
pub(crate) const ASKING_REREAD: Duration = Duration::from_secs(1);

/// Which connection a read is on.
pub(crate) type On = LinkId;

/// What a reply is called in a comparison.
pub(crate) fn digest_of(reply: &Reply) -> u64 {
    digest::of_reply(reply)
}
