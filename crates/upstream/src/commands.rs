//! Clients' commands: each is answered exactly once.
//!
//! They have a connection of their own at each node, so that they never wait behind reads of live queries. What is sent
//! keeps its order at each node. A command that was sent and lost its connection may have taken effect, which is said; one
//! that was not sent waits at most `command_wait` for a connection.

use crate::Answer;
use crate::interface::{LinkId, Role};
use crate::link::Expected;
use crate::node::{Node, NodeId};
use crate::reply::{self, Trouble};
use crate::turn::{Turn, line};
use bytes::Bytes;
use model::backend::BackendEvent;
use model::command::CommandTable;
use model::error::{TOOBIG, UNAVAILABLE};
use model::{Args, LaneId, Reply, Ticket, Time};
use std::collections::{BTreeMap, VecDeque};

/// A command or transaction that is not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub from: LaneId,
    pub ticket: Ticket,
    pub what: What,
    /// In a cluster, if it has keys.
    pub slot: Option<u16>,
    /// The node only imports the slot.
    pub asking: bool,
    hops: u8,
    /// In the order they were asked for.
    number: u64,
    /// How long it may wait to be sent.
    deadline: Time,
}

/// What a client asks.
#[derive(Clone, Debug)]
pub(crate) enum What {
    One(Args),
    Many(Vec<Args>),
}

impl What {
    /// The keys that it may have changed, as far as its arguments tell.
    pub fn written_keys(&self) -> Vec<Bytes> {
        let commands = match self {
            What::One(command) => std::slice::from_ref(command),
            What::Many(commands) => commands,
        };
        let table = CommandTable::redis();
        let writes = commands.iter().filter_map(|command| Some((command, table.find(command)?)));
        let writes = writes.filter(|(_, spec)| spec.may_write());
        let keys = writes.filter_map(|(command, spec)| Some((command, spec.keys(command).ok()?)));
        keys.flat_map(|(command, keys)| keys.into_iter().filter_map(|key| command.get(key.position).cloned())).collect()
    }
}

/// Commands that are not sent yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commands {
    begun: u64,
    /// By the node that they are for; none: it is not known.
    waiting: BTreeMap<Option<NodeId>, VecDeque<Box<Pending>>>,
    waiting_count: usize,
    pub in_flight: u64,
}

/// What an answer leads to beyond itself.
#[derive(Debug)]
pub(crate) enum Sign {
    /// Nothing.
    None,
    /// The client has its answer, which says this of the server.
    Trouble(Trouble, String),
    /// It was not carried out and is to be sent elsewhere.
    Redirect(Box<Pending>, Trouble),
}

impl Commands {
    /// A client asks.
    pub fn pending(
        &mut self,
        from: LaneId,
        ticket: Ticket,
        what: What,
        slot: Option<u16>,
        turn: &Turn<'_>,
    ) -> Box<Pending> {
        self.begun += 1;
        let deadline = turn.now + turn.shared.config.command_wait;
        Box::new(Pending { from, ticket, what, slot, asking: false, hops: 0, number: self.begun, deadline })
    }

    /// Sends it, or lets it wait if it may.
    pub fn submit(&mut self, pending: Box<Pending>, node: Option<&Node>, turn: &mut Turn<'_>) {
        let id = node.map(|node| node.id);
        let config = &turn.shared.config;
        let link = node.and_then(|node| node.usable(Role::Commands, &turn.shared.links, turn.now, config));
        let link = link.map(|link| link.id);
        let is_behind = self.waiting.get(&id).is_some_and(|queue| !queue.is_empty());
        match link {
            Some(link) if !is_behind => self.send(link, pending, turn),
            _ if pending.deadline <= turn.now => out_of_reach(&pending, turn),
            _ if self.waiting_count >= turn.shared.config.commands_waiting_max => out_of_reach(&pending, turn),
            _ => {
                self.waiting_count += 1;
                self.waiting.entry(id).or_default().push_back(pending);
            }
        }
    }

    fn send(&mut self, link: LinkId, pending: Box<Pending>, turn: &mut Turn<'_>) {
        self.in_flight += 1;
        turn.shared.statistics.commands += 1;
        if pending.asking {
            turn.send(link, line(["ASKING"]), Expected::Ignored);
        }
        let last = match &pending.what {
            What::One(command) => command.clone(),
            What::Many(commands) => {
                turn.send(link, line(["MULTI"]), Expected::Ignored);
                for command in commands {
                    turn.send(link, command.clone(), Expected::Ignored);
                }
                line(["EXEC"])
            }
        };
        turn.send(link, last, Expected::Command(pending));
    }

    /// The node can be asked (again): sends what waits for it.
    pub fn flush(&mut self, node: &Node, turn: &mut Turn<'_>) {
        let config = &turn.shared.config;
        let Some(link) = node.usable(Role::Commands, &turn.shared.links, turn.now, config) else { return };
        let link = link.id;
        for pending in self.waiting.remove(&Some(node.id)).unwrap_or_default() {
            self.waiting_count -= 1;
            self.send(link, pending, turn);
        }
    }

    /// All that wait, in the order they were asked for: their nodes may be others now.
    #[expect(clippy::vec_box, reason = "they are moved between queues, boxed")]
    pub fn take_waiting(&mut self) -> Vec<Box<Pending>> {
        self.waiting_count = 0;
        let mut all: Vec<_> = std::mem::take(&mut self.waiting).into_values().flatten().collect();
        all.sort_by_key(|pending| pending.number);
        all
    }

    /// The answer is here. `refused`: why its transaction is.
    pub fn answered(
        &mut self,
        pending: Box<Pending>,
        answer: Answer,
        refused: Option<Reply>,
        turn: &mut Turn<'_>,
    ) -> Sign {
        self.in_flight -= 1;
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Oversize(bytes) => {
                turn.shared.statistics.oversize += 1;
                let max = turn.shared.config.value_bytes_max;
                let text = format!(
                    "{TOOBIG} the reply has {bytes} bytes, over value_bytes_max ({max}); the command was carried out"
                );
                Reply::error(text)
            }
        };
        // EXEC says that something before it was refused, which says more.
        let cause = refused.filter(|_| matches!(reply, Reply::Error(_)));
        let cause = cause.as_ref().unwrap_or(&reply);
        let Some(trouble) = reply::trouble(cause) else {
            answer_with(&pending, reply, turn);
            return Sign::None;
        };
        let text = reply::error_text(cause).unwrap_or_default();
        let is_cluster = turn.shared.is_cluster();
        match trouble {
            Trouble::Moved(..) | Trouble::Ask(_) if is_cluster => return Sign::Redirect(pending, trouble),
            // What the server at one address says of itself is said to the client.
            Trouble::Moved(..) | Trouble::Ask(_) => answer_with(&pending, reply, turn),
            Trouble::ReadOnly if turn.shared.is_standalone() => answer_with(&pending, reply, turn),
            _ => unavailable(&pending, &format!("it was not carried out: {text}"), turn),
        }
        Sign::Trouble(trouble, text)
    }

    /// It was not carried out at the node that was asked, which names another one.
    pub fn redirect(&mut self, mut pending: Box<Pending>, node: Option<&Node>, asking: bool, turn: &mut Turn<'_>) {
        pending.hops += 1;
        if pending.hops > turn.shared.config.redirects_max {
            return unavailable(&pending, "it was not carried out: too many redirections", turn);
        }
        turn.shared.statistics.redirects += 1;
        // It waits for the other node's connection though commands do not wait as a rule.
        pending.deadline = pending.deadline.max(turn.now + turn.shared.config.stale_after / 2);
        pending.asking = asking;
        self.submit(pending, node, turn);
    }

    /// The connection is gone before the answer came.
    pub fn lost(&mut self, pending: &Pending, turn: &mut Turn<'_>) {
        self.in_flight -= 1;
        unavailable(pending, "the connection was lost; it is unknown whether it was carried out", turn);
    }

    /// Answers what has waited long enough.
    pub fn expire(&mut self, turn: &mut Turn<'_>) {
        for queue in self.waiting.values_mut() {
            while queue.front().is_some_and(|pending| pending.deadline <= turn.now) {
                let Some(pending) = queue.pop_front() else { break };
                self.waiting_count -= 1;
                out_of_reach(&pending, turn);
            }
        }
        self.waiting.retain(|_, queue| !queue.is_empty());
    }

    /// When the first of those that wait has waited long enough.
    pub fn next_timeout(&self) -> Option<Time> {
        self.waiting.values().filter_map(|queue| queue.front()).map(|pending| pending.deadline).min()
    }

    /// How many wait to be sent.
    pub fn waiting(&self) -> usize {
        self.waiting_count
    }
}

fn answer_with(pending: &Pending, reply: Reply, turn: &mut Turn<'_>) {
    turn.tell(pending.from, BackendEvent::Reply { ticket: pending.ticket, reply });
}

fn unavailable(pending: &Pending, why: &str, turn: &mut Turn<'_>) {
    turn.shared.statistics.unavailable += 1;
    answer_with(pending, Reply::error(format!("{UNAVAILABLE} {why}")), turn);
}

fn out_of_reach(pending: &Pending, turn: &mut Turn<'_>) {
    unavailable(pending, "the backend is out of reach; the command was not sent", turn);
}
