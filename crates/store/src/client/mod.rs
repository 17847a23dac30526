//! Clients: what the store knows of each connection that speaks Redis' protocol to it.
//!
//! The owner has the sockets. It tells of a connection with [`Store::connect`](crate::Store::connect), gives its commands
//! one after the other to [`Store::handle_command`](crate::Store::handle_command), and carries out the [`Output`]s. What a
//! client is in the middle of (a transaction, a wait, subscriptions, tracking) is here, because other clients' commands
//! ask for it or end it: `CLIENT LIST`, `WATCH`, `CLIENT KILL`, a push to a list that somebody waits for.
//!
//! * `transaction`: what is queued after `MULTI`, and which keys are watched
//! * `waiting`: clients that wait for keys, for a moment, or for the end of a pause
//! * `monitor`: what is shown to those who watch all commands
//! * `tracking`: who is to be told of which keys' changes

pub(crate) mod monitor;
pub mod tracking;
pub mod transaction;
pub mod waiting;

use acl::UserId;
use ahash::AHashMap;
use bytes::Bytes;
use indexmap::{IndexMap, IndexSet};
use model::Reply;
use std::collections::BTreeSet;
use std::fmt;
use tracking::Tracked;
use transaction::Transaction;
use waiting::Wait;

/// A connection, as `CLIENT ID` numbers it: rising from 1, never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the store asks of its owner, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// The answer to the oldest unanswered command of this client. Where the client speaks RESP2, arrays are
    /// within one another as the command has them there; the types are those of RESP3 all the same.
    Reply {
        /// Whose.
        client: ClientId,
        /// The answer.
        reply: Reply,
    },
    /// A message that answers no command: a RESP3 push, an array in RESP2. Confirmations of subscriptions too.
    Push {
        /// To whom.
        client: ClientId,
        /// Its elements, the kind of message first.
        message: Vec<Reply>,
    },
    /// A line for `MONITOR`: a simple string that answers no command.
    Line {
        /// To whom.
        client: ClientId,
        /// Without its end.
        text: Bytes,
    },
    /// From now on the client is spoken to in this version of the protocol, 2 or 3.
    Protocol {
        /// To whom.
        client: ClientId,
        /// 2 or 3.
        resp: u8,
    },
    /// Close the connection once what was told before is written. The store has forgotten the client.
    Close {
        /// Whose.
        client: ClientId,
    },
    /// Something that only the owner can do.
    Request(OwnerRequest),
}

/// What only the owner can do, as it has the files and the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnerRequest {
    /// `SAVE`, `BGSAVE`: make what there is durable.
    Save,
    /// `BGREWRITEAOF`: begin a rewrite of the log, unless one is under way.
    RewriteLog,
    /// `SHUTDOWN`: end the process.
    Shutdown {
        /// Save first: `Some(false)` for `NOSAVE`, `None` where it was not said.
        save: Option<bool>,
        /// Go on even if saving fails.
        force: bool,
    },
    /// `SHUTDOWN ABORT`
    AbortShutdown,
}

/// What the owner knows of a new connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Peer {
    /// The other end, `ip:port`.
    pub address: Box<str>,
    /// This end, `ip:port`.
    pub local_address: Box<str>,
    /// The number of its socket, for `CLIENT LIST`; any number will do.
    pub fd: u64,
}

/// How a client wants to be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ReplyMode {
    #[default]
    On,
    Off,
    /// The command that said so, and the next one, are not answered.
    SkipNext,
    /// This one is not answered.
    Skip,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) peer: Peer,
    /// `CLIENT SETNAME`; empty without a name.
    pub(crate) name: Bytes,
    /// `CLIENT SETINFO lib-name` and `lib-ver`.
    pub(crate) library: [Bytes; 2],
    /// Milliseconds since 1970.
    pub(crate) connected_ms: u64,
    /// When it last sent a command, in milliseconds since 1970.
    pub(crate) active_ms: u64,
    /// The command it sent last, in lower case; `NULL` before the first.
    pub(crate) last_command: &'static str,
    /// Who it is: `default` until it says otherwise.
    pub(crate) user: UserId,
    /// It presented a password, or needed none when it came.
    pub(crate) authenticated: bool,
    /// The number of the selected database.
    pub(crate) db: usize,
    /// The version of the protocol: 2 or 3.
    pub(crate) resp: u8,
    /// What is queued after `MULTI`.
    pub(crate) transaction: Option<Transaction>,
    /// Watched keys, each with its database and whether it was already due when it was watched.
    pub(crate) watched: IndexMap<Place, bool>,
    /// A watched key was changed: `EXEC` will answer null.
    pub(crate) watched_changed: bool,
    /// What it waits for; no command of it is taken meanwhile.
    pub(crate) wait: Option<Wait>,
    pub(crate) channels: IndexSet<Bytes>,
    pub(crate) patterns: IndexSet<Bytes>,
    pub(crate) shard_channels: IndexSet<Bytes>,
    pub(crate) tracking: Option<Tracked>,
    /// Another client has named it in `CLIENT TRACKING … REDIRECT`.
    pub(crate) is_redirected_to: bool,
    pub(crate) reply_mode: ReplyMode,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    pub(crate) monitor: bool,
    /// The connection is to be closed when the command at hand is answered.
    pub(crate) closing: bool,
}

impl Client {
    fn new(id: ClientId, peer: Peer, now_ms: u64) -> Client {
        Client {
            id,
            peer,
            name: Bytes::new(),
            library: Default::default(),
            connected_ms: now_ms,
            active_ms: now_ms,
            last_command: "NULL",
            user: acl::DEFAULT,
            authenticated: false,
            db: 0,
            resp: 2,
            transaction: None,
            watched: IndexMap::new(),
            watched_changed: false,
            wait: None,
            channels: IndexSet::new(),
            patterns: IndexSet::new(),
            shard_channels: IndexSet::new(),
            tracking: None,
            is_redirected_to: false,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            monitor: false,
            closing: false,
        }
    }

    /// Whether it is subscribed to anything, so that in RESP2 it may hardly say anything else.
    pub(crate) fn is_subscribed(&self) -> bool {
        !(self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty())
    }

    /// The letters of `CLIENT LIST`'s `flags`.
    pub(crate) fn flags(&self) -> String {
        let tracking = self.tracking.as_ref();
        let letters = [
            ('O', self.monitor),
            ('P', self.is_subscribed()),
            ('x', self.transaction.is_some()),
            ('b', self.wait.is_some()),
            ('d', self.watched_changed),
            ('c', self.closing),
            ('t', tracking.is_some()),
            ('R', tracking.is_some_and(|t| t.is_broken)),
            ('B', tracking.is_some_and(|t| t.broadcast.is_some())),
            ('e', self.no_evict),
            ('T', self.no_touch),
        ];
        let flags: String = letters.into_iter().filter(|(_, is_set)| *is_set).map(|(letter, _)| letter).collect();
        if flags.is_empty() { "N".into() } else { flags }
    }

    /// Its line of `CLIENT LIST`, without the line's end; `user` is its user's name. Of each name so many bytes at most.
    pub(crate) fn describe(&self, now_ms: u64, user: &Bytes, name_bytes_max: usize) -> String {
        let text = |bytes: &Bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(name_bytes_max)]).into_owned();
        let (queued, bytes) = match &self.transaction {
            Some(transaction) => (transaction.commands.len().to_string(), transaction.bytes),
            None => ("-1".into(), 0),
        };
        let redirect = match &self.tracking {
            Some(tracked) => tracked.redirect.map_or(0, |id| id.0 as i64),
            None => -1,
        };
        format!(
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} \
             qbuf=0 qbuf-free=0 argv-mem=0 multi-mem={bytes} rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem={} events=r cmd={} \
             user={} redir={redirect} resp={} lib-name={} lib-ver={}",
            self.id,
            self.peer.address,
            self.peer.local_address,
            self.peer.fd,
            text(&self.name),
            now_ms.saturating_sub(self.connected_ms) / 1000,
            now_ms.saturating_sub(self.active_ms) / 1000,
            self.flags(),
            self.db,
            self.channels.len(),
            self.patterns.len(),
            self.shard_channels.len(),
            queued,
            self.watched.len(),
            size_of::<Client>() + bytes,
            self.last_command,
            text(user),
            self.resp,
            text(&self.library[0]),
            text(&self.library[1]),
        )
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_id: AHashMap<ClientId, Client>,
    /// How many there ever were: the greatest id given.
    given: u64,
    /// Those with `MONITOR` on, in the order in which they connected.
    pub(crate) monitors: BTreeSet<ClientId>,
    /// Bytes that they have queued in transactions.
    pub(crate) queued_bytes: usize,
}

impl Clients {
    pub(crate) fn add(&mut self, peer: Peer, now_ms: u64) -> ClientId {
        self.given += 1;
        let id = ClientId(self.given);
        self.by_id.insert(id, Client::new(id, peer, now_ms));
        id
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: ClientId) -> Option<Client> {
        self.end_transaction(id);
        let client = self.by_id.remove(&id)?;
        self.monitors.remove(&id);
        Some(client)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All of them, in the order in which they connected.
    pub(crate) fn in_order(&self) -> Vec<&Client> {
        let mut all: Vec<&Client> = self.by_id.values().collect();
        all.sort_by_key(|client| client.id);
        all
    }
}

/// What a write did to a key, for those who are told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Touch {
    /// The key is new.
    Created,
    /// Its value is another.
    Changed,
    /// The key was deleted.
    Removed,
    /// A write took its last element.
    Emptied,
    /// Only its deadline is another.
    Deadline,
    /// Its deadline came.
    Expired,
    /// It made room.
    Evicted,
}

/// A key of a database.
pub(crate) type Place = (usize, Bytes);
