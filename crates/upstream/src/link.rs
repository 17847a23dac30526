//! One connection: what it is for, how far it is, and the answers that it owes, in order.
//!
//! Redis answers in order, so a queue of what was asked tells what a reply answers. Pushes come between; on a connection
//! that subscribes they are answers too (`subscribe` and `unsubscribe` confirm).

use crate::commands::Pending;
use crate::handshake::Step;
use crate::interface::{Address, Credentials, LinkId, Output, Role};
use crate::node::NodeId;
use crate::reads::{Part, ReadId};
use crate::turn::Turn;
use model::backend::ChannelName;
use model::request::Via;
use model::{Reply, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What the next answer answers.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// A step of the way to being ready.
    Handshake(Step),
    /// Nothing depends on it but that it comes.
    Ping,
    /// Whether the connection still tracks.
    TrackingInfo,
    /// Whether the server is a master still.
    Role,
    /// A part of a read.
    Read(ReadId, Part),
    /// A client's command, or its transaction's EXEC.
    Command(Box<Pending>),
    /// Something before it matters, not this (`ASKING`, `MULTI`, `QUEUED`); its errors come again with what follows.
    Ignored,
    /// The confirmation of a subscription, or its refusal.
    Subscribe(crate::pubsub::Asked),
    /// The confirmation that a subscription is over.
    Unsubscribe(ChannelName),
    /// What the server's tracking table is like.
    TableSize(TableQuestion),
    /// An answer about masters, slots and owners.
    Topology(Question),
}

/// What is asked about the tracking table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TableQuestion {
    /// `CONFIG GET tracking-table-max-keys`.
    KeysMax,
    /// `INFO stats`.
    Keys,
}

/// What is asked about masters and slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Question {
    /// `SENTINEL GET-MASTER-ADDR-BY-NAME`.
    MasterAddress,
    /// `SUBSCRIBE +switch-master`.
    Switches,
    /// `CLUSTER INFO`.
    ClusterInfo,
    /// `CLUSTER SLOTS`.
    Slots,
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Not connected yet.
    Connecting,
    /// Connected; the handshake goes on.
    Greeting,
    /// The handshake is done, but the server cannot serve yet: it is asked again at this time, or an answer is due.
    NotReady(Option<Time>),
    /// In use.
    Ready,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub id: LinkId,
    /// The server that it belongs to; none for questions about the topology.
    pub node: Option<NodeId>,
    pub role: Role,
    pub address: Address,
    pub phase: Phase,
    /// How the server tells of changes on this connection.
    pub via: Via,
    /// It cannot do better than RESP2.
    pub is_resp2: bool,
    pub server: Server,
    /// Kept until the server knows who we are.
    pub credentials: Option<Credentials>,
    /// Why tracking was refused, until it is known what is used in its place.
    pub untracked: Option<String>,
    /// Why a transaction that is under way will be refused.
    pub refused: Option<Reply>,
    /// When it was begun.
    pub begun_at: Time,
    /// When it was last asked whether it still tracks.
    pub checked_at: Time,
    /// When something was heard last.
    heard_at: Time,
    /// Since when an answer is owed and nothing was heard.
    silent_since: Time,
    /// With when it was asked.
    expected: VecDeque<(Expected, Time)>,
}

/// What a server says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Server {
    /// `redis`, `valkey`; empty if it was not told.
    pub name: String,
    /// As it was told.
    pub version: String,
}

impl Server {
    /// The first two numbers of the version.
    fn numbers(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// Whether single fields of a hash can expire: Redis 7.4, Valkey 9.0.
    pub fn has_field_expiry(&self) -> bool {
        match &*self.name {
            "redis" => self.numbers() >= (7, 4),
            "valkey" => self.numbers() >= (9, 0),
            _ => false,
        }
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.name {
            "" => write!(f, "unknown server"),
            name => write!(f, "{name} {}", self.version),
        }
    }
}

impl Link {
    /// A further answer is due.
    pub fn expect(&mut self, expected: Expected, now: Time) {
        if self.expected.is_empty() {
            self.silent_since = now;
        }
        self.expected.push_back((expected, now));
    }

    /// What the answer that came is for, and when that was asked.
    pub fn answered(&mut self) -> Option<(Expected, Time)> {
        self.expected.pop_front()
    }

    /// What the next answer will be for.
    pub fn next_expected(&self) -> Option<&Expected> {
        self.expected.front().map(|(expected, _)| expected)
    }

    /// Something came.
    pub fn heard(&mut self, now: Time) {
        self.heard_at = now;
        self.silent_since = now;
    }

    /// Since when the server owes an answer without saying anything; none if it does not.
    pub fn silent_since(&self) -> Option<Time> {
        (!self.expected.is_empty()).then_some(self.silent_since)
    }

    /// When it should be asked something, only to see whether it answers; none while it owes an answer.
    pub fn probe_at(&self, interval: Duration) -> Option<Time> {
        (self.phase == Phase::Ready && self.expected.is_empty()).then(|| self.heard_at + interval)
    }

    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// What will never be answered.
    pub fn take_expected(&mut self) -> impl Iterator<Item = Expected> + use<> {
        std::mem::take(&mut self.expected).into_iter().map(|(expected, _)| expected)
    }
}

/// All connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<LinkId, Link>,
    begun: u64,
}

impl Links {
    pub fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    pub fn remove(&mut self, id: LinkId) -> Option<Link> {
        self.links.remove(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }
}

impl Turn<'_> {
    /// Begins a connection.
    pub fn connect(&mut self, node: Option<NodeId>, role: Role, address: Address) -> LinkId {
        let (now, links) = (self.now, &mut self.shared.links);
        links.begun += 1;
        let id = LinkId(links.begun);
        let link = Link {
            id,
            node,
            role,
            address: address.clone(),
            phase: Phase::Connecting,
            via: Via::Tracking,
            is_resp2: false,
            server: Server::default(),
            credentials: None,
            untracked: None,
            refused: None,
            begun_at: now,
            checked_at: now,
            heard_at: now,
            silent_since: now,
            expected: VecDeque::new(),
        };
        links.links.insert(id, link);
        self.shared.statistics.connects += 1;
        self.out.push(Output::Connect { link: id, address, role });
        id
    }
}
