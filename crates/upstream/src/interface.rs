//! What goes into [`crate::Upstream`] and what comes out of it: the seam towards the sockets.
//!
//! Everything here is data. Credentials come in with a connection and go out in its `HELLO`; nothing else shows them.

use model::backend::{BackendEvent, BackendRequest};
use model::reply::Frame;
use model::request::Via;
use model::{Args, Histogram, LaneId};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// One attempt at a connection and what becomes of it; never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkId(pub u64);

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Address {
    /// A host (name or number) and a port.
    Tcp {
        /// A name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How the servers are arranged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topology {
    /// One server.
    Standalone(Address),
    /// One master, found by asking Sentinels.
    Sentinel {
        /// Where to ask.
        sentinels: Vec<Address>,
        /// The master's name there.
        master: String,
    },
    /// A cluster, found by asking any of its nodes.
    Cluster {
        /// Where to ask first.
        seeds: Vec<Address>,
    },
}

/// Who keywire is to the server. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// None: the server's default user.
    pub user: Option<String>,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What an [`crate::Upstream`] is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The servers.
    pub topology: Topology,
    /// The database that is shown; 0 in a cluster.
    pub database: u32,
    /// How many lanes there are.
    pub lanes: u16,
    /// Out of reach or silent for so long at most, then the lanes are told `Stale`.
    pub stale_after: Duration,
    /// A server that owes an answer and sends nothing for so long loses its connection.
    pub silence_max: Duration,
    /// A connection that is not ready for use after so long is given up.
    pub connect_max: Duration,
    /// The longest wait between two attempts to connect; they begin at 20 ms and double.
    pub reconnect_max: Duration,
    /// How long a client's command waits for a server that is out of reach, before it is answered `UNAVAILABLE`; zero: not.
    pub command_wait: Duration,
    /// Commands that wait so at most; further ones are answered at once.
    pub commands_waiting_max: usize,
    /// Reads of live queries and streams under way at each primary at most; further ones wait their turn.
    pub reads_in_flight_max: usize,
    /// A value that is larger, in bytes as the server sends it, is told as `TOOBIG`.
    pub value_bytes_max: usize,
    /// Field expiries are asked for up to so many fields of a hash.
    pub hash_fields_max: usize,
    /// Everything that is watched is read again once in so long, evenly spread: it heals what no server tells of, such as
    /// `SWAPDB`. Zero: never.
    pub reread_interval: Duration,
    /// Where the server tells of no changes, everything that is watched is read once in so long.
    pub poll_interval: Duration,
    /// How often a master's role (Sentinel) or the slot map (Cluster) is asked for though nothing seems wrong.
    pub topology_interval: Duration,
    /// Cluster: channels by `SSUBSCRIBE` at their slot's primary; patterns always by `PSUBSCRIBE`.
    pub sharded_pubsub: bool,
    /// Redirections that one command or read follows at most in a cluster.
    pub redirects_max: u8,
    /// Decides the jitter of attempts to connect.
    pub seed: u64,
}

impl Config {
    /// The defaults for these servers.
    pub fn new(topology: Topology, lanes: u16) -> Config {
        Config {
            topology,
            database: 0,
            lanes,
            stale_after: Duration::from_secs(2),
            silence_max: Duration::from_secs(5),
            connect_max: Duration::from_secs(3),
            reconnect_max: Duration::from_millis(500),
            command_wait: Duration::ZERO,
            commands_waiting_max: 10_000,
            reads_in_flight_max: 256,
            value_bytes_max: model::Limits::default().value_bytes_max,
            hash_fields_max: 512,
            reread_interval: Duration::from_secs(60),
            poll_interval: Duration::from_secs(1),
            topology_interval: Duration::from_secs(1),
            sharded_pubsub: false,
            redirects_max: 5,
            seed: 0,
        }
    }
}

/// What a connection is for. The shell takes its limits and its place in metrics from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Reads of live queries, and the invalidations of what they read. Replies up to `value_bytes_max` are wanted whole.
    Tracking,
    /// Clients' commands.
    Commands,
    /// Channels and patterns.
    PubSub,
    /// Questions to a Sentinel, and its announcements.
    Sentinel,
    /// Questions about the slot map to a cluster's node.
    Map,
}

impl Role {
    /// The word in connection names (`CLIENT LIST`), logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Tracking => "tracking",
            Role::Commands => "commands",
            Role::PubSub => "pubsub",
            Role::Sentinel => "sentinel",
            Role::Map => "map",
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A lane asks for something.
    Request {
        /// Which lane.
        from: LaneId,
        /// What.
        request: BackendRequest,
    },
    /// The connection is up (and its TLS): the machine begins its handshake.
    Connected {
        /// Which.
        link: LinkId,
        /// Who keywire is, as of now.
        credentials: Option<Credentials>,
    },
    /// A whole frame came, in order.
    Received {
        /// On which connection.
        link: LinkId,
        /// What.
        frame: Frame,
    },
    /// Bytes came that are no whole frame yet: the server is alive. Worth telling once a second at most.
    Heard {
        /// On which connection.
        link: LinkId,
    },
    /// The attempt failed, or the connection ended or broke the protocol.
    Closed {
        /// Which.
        link: LinkId,
        /// Why, for the log; holds no secret.
        reason: String,
    },
    /// The moment of [`crate::Upstream::next_timeout`] has come. The first one starts the machine.
    Timeout,
}

/// What is to be done, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Connect; answered by [`Input::Connected`] or [`Input::Closed`].
    Connect {
        /// The connection's number.
        link: LinkId,
        /// Whereto.
        address: Address,
        /// What for.
        role: Role,
    },
    /// Send a command, after all that were to be sent on this connection before.
    Send {
        /// On which connection.
        link: LinkId,
        /// The command.
        command: Args,
    },
    /// Close, what is not written yet included. Nothing is expected of the connection any more.
    Disconnect {
        /// Which.
        link: LinkId,
    },
    /// Tell a lane.
    Event {
        /// Which lane.
        lane: LaneId,
        /// What.
        event: BackendEvent,
    },
    /// Tell the operator.
    Notice(Notice),
}

/// What an operator should know; `Display` gives the sentence with its remedy. No secrets, no keys' values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A connection is ready.
    Connected {
        /// Where.
        address: Address,
        /// What for.
        role: Role,
        /// The server's name and version as it tells them, such as `redis 7.0.15`.
        server: String,
    },
    /// A connection was lost, or an attempt failed for the first time.
    Lost {
        /// Where.
        address: Address,
        /// What for.
        role: Role,
        /// Why.
        reason: String,
    },
    /// The server answers, but cannot serve yet (`LOADING`, `MASTERDOWN`, `BUSY`).
    NotReady {
        /// Where.
        address: Address,
        /// Its words.
        reason: String,
    },
    /// The server does not let keywire in.
    LoginRefused {
        /// Where.
        address: Address,
        /// Its words.
        reason: String,
    },
    /// The server refuses something that keywire needs.
    Refused {
        /// Where.
        address: Address,
        /// What was asked, without arguments that are data.
        what: &'static str,
        /// Its words.
        reason: String,
    },
    /// How changes are noticed at this server is not by tracking.
    Fallback {
        /// Where.
        address: Address,
        /// What is used in its place.
        via: Via,
        /// Why tracking is not.
        reason: String,
    },
    /// The server only speaks RESP2.
    OldProtocol {
        /// Where.
        address: Address,
    },
    /// The server is a replica: writes will be refused, and what it shows may lag.
    Replica {
        /// Where.
        address: Address,
    },
    /// The connection tells of no changes any more, though it should; it is renewed.
    TrackingLost {
        /// Where.
        address: Address,
    },
    /// The server forgets what is watched for lack of room, and each forgetting costs a read: reads are spaced.
    TrackingTableSmall {
        /// Where.
        address: Address,
        /// `tracking-table-max-keys`, if the server tells.
        keys_max: Option<u64>,
        /// Reads a second that remain.
        reads_per_second: u32,
    },
    /// The tracking table is large enough again.
    TrackingTableEnough {
        /// Where.
        address: Address,
    },
    /// Everything is out of reach, or silent: the lanes were told.
    Stale,
    /// In reach again.
    Current,
    /// Another server is the master now.
    FailedOver {
        /// The master's name.
        master: String,
        /// Where it is.
        to: Address,
    },
    /// What a Sentinel calls the master is none.
    NotMaster {
        /// Where.
        address: Address,
    },
    /// No Sentinel knows the master.
    MasterUnknown {
        /// Its name.
        master: String,
    },
    /// Slots have other owners now.
    SlotsMoved {
        /// How many.
        slots: u32,
    },
    /// Slots that no primary serves.
    SlotsUnserved {
        /// How many.
        slots: u32,
    },
    /// A message was larger than the connection's limit and was not taken; the channel's listeners are told of a loss.
    MessageTooBig {
        /// Where.
        address: Address,
        /// Its size.
        bytes: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Connected { address, role, server } => {
                write!(f, "connected to {address} ({server}) for {}", role.as_str())
            }
            Notice::Lost { address, role, reason } => {
                write!(f, "no connection to {address} for {}: {reason}; trying again", role.as_str())
            }
            Notice::NotReady { address, reason } => {
                write!(f, "{address} cannot serve yet: {reason}; waiting for it")
            }
            Notice::LoginRefused { address, reason } => write!(
                f,
                "{address} refuses keywire's login: {reason}; check the user and the password (file) of the URL"
            ),
            Notice::Refused { address, what, reason } => write!(
                f,
                "{address} refuses {what}: {reason}; `keywire doctor` prints the ACL SETUSER line that allows what is needed"
            ),
            Notice::Fallback { address, via, reason } => write!(
                f,
                "{address} offers no tracking ({reason}); changes are noticed by {}. Allow +client|tracking and RESP3 \
                 for live queries without delay",
                via.as_str()
            ),
            Notice::OldProtocol { address } => write!(
                f,
                "{address} speaks RESP2 only: maps are shown as arrays and live queries are polled; Redis 6.2 or Valkey \
                 7.2 and later speak RESP3"
            ),
            Notice::Replica { address } => write!(
                f,
                "{address} is a replica: writes will be refused and values may lag; point the URL at the primary, or use \
                 redis-sentinel:// or redis-cluster://"
            ),
            Notice::TrackingLost { address } => {
                write!(f, "{address} no longer tracks what keywire reads; the connection is renewed")
            }
            Notice::TrackingTableSmall { address, keys_max, reads_per_second } => {
                write!(f, "{address} forgets what is watched for lack of room")?;
                if let Some(max) = keys_max {
                    write!(f, " (tracking-table-max-keys is {max})")?;
                }
                write!(
                    f,
                    ": reads are spaced to {reads_per_second} a second. Raise tracking-table-max-keys over the number of \
                     watched keys (0: no limit)"
                )
            }
            Notice::TrackingTableEnough { address } => {
                write!(f, "{address} keeps what is watched again; reads are no longer spaced")
            }
            Notice::Stale => write!(f, "the backend is out of reach or does not answer; clients are told `stale`"),
            Notice::Current => write!(f, "the backend is in reach again"),
            Notice::FailedOver { master, to } => write!(f, "the master of {master} is {to} now"),
            Notice::NotMaster { address } => {
                write!(f, "{address} is no master, though Sentinel says so; asking again")
            }
            Notice::MasterUnknown { master } => {
                write!(f, "no Sentinel knows a master named {master}; check the URL's master= and hosts")
            }
            Notice::SlotsMoved { slots } => write!(f, "{slots} slots have another primary now"),
            Notice::SlotsUnserved { slots } => {
                write!(f, "{slots} slots are served by no primary; check CLUSTER INFO")
            }
            Notice::MessageTooBig { address, bytes } => write!(
                f,
                "a message of {bytes} bytes from {address} is over value_bytes_max and was not taken; listeners are told \
                 of a loss"
            ),
        }
    }
}

/// Plain numbers for metrics. Those that count events only rise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Connections that are ready now.
    pub links: u64,
    /// Primaries that are known now.
    pub primaries: u64,
    /// Connections that were begun.
    pub connects: u64,
    /// Connections that were lost after they were ready.
    pub disconnects: u64,
    /// Whether the lanes are told that the backend is out of reach.
    pub stale: bool,
    /// Whether all primaries could be asked once since the start: before that, commands may be refused.
    pub has_begun: bool,
    /// Clients' commands and transactions sent.
    pub commands: u64,
    /// Commands that were answered `UNAVAILABLE`.
    pub unavailable: u64,
    /// Commands without their answer now.
    pub commands_in_flight: u64,
    /// Commands that wait for a server now.
    pub commands_waiting: u64,
    /// Reads of live queries and streams sent.
    pub reads: u64,
    /// Reads without their answer now.
    pub reads_in_flight: u64,
    /// Reads that wait their turn now.
    pub reads_waiting: u64,
    /// Reads whose answer was that of the read before.
    pub reads_unchanged: u64,
    /// Reads that the server could not serve yet.
    pub reads_not_ready: u64,
    /// Keys of which a lane wants to know the next change, now.
    pub armed: u64,
    /// Invalidations received, one per key.
    pub invalidations: u64,
    /// Invalidations of everything: flushes, new connections, failovers.
    pub invalidations_all: u64,
    /// Reads a second that are done again where the tracking table lacks room, now; 0: reads are not spaced.
    pub reads_per_second_max: u32,
    /// Channels and patterns subscribed now.
    pub channels: u64,
    /// Messages received.
    pub messages: u64,
    /// Interruptions told.
    pub interruptions: u64,
    /// Values, replies and messages over their limit.
    pub oversize: u64,
    /// `MOVED` and `ASK` followed.
    pub redirects: u64,
    /// Failovers and changes of the slot map.
    pub topology_changes: u64,
    /// How long servers took to answer: commands, reads, and whether they are there.
    pub round_trips: Histogram,
    /// How changes are noticed: 0 tracking, 1 keyspace events, 2 polling (the worst of all primaries).
    pub via: u8,
}
