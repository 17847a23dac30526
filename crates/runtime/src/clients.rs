//! Clients that speak a backend's own protocol: what the backend does for them, and the door they come by.
//!
//! ```text
//!  door's connection task ── connect, command, disconnect ──►  Service  (the backend, on this thread)
//!  door's Desk            ◄─ outputs: replies, pushes, ends ──
//! ```
//!
//! A command takes effect at once, on the thread of the lane that the backend lives with: no message, no other thread. What
//! it changes is told to the lanes in the same turn as what their own clients change. Outputs for the client whose command
//! runs come with the call; those for others, and those that come later (an end of a wait, a message), wait in the
//! backend until the turn, in which the [`Desk`] takes them and then writes everything, for each connection once.

use crate::clock::Moment;
use crate::shell::Measure;
use bytes::Bytes;
use model::Reply;

/// A client of the service, by the number it has there: rising, never used again.
pub type ClientNumber = u64;

/// What a backend does for clients that speak its own protocol.
pub trait Service {
    /// A connection. Its client is not authenticated if a password is wanted.
    fn connect(&mut self, peer: &Peer, now: Moment) -> ClientNumber;

    /// The connection is gone; of one that the service ended: nothing.
    fn disconnect(&mut self, client: ClientNumber);

    /// Carries out a command of a client that [`Service::is_waiting`] does not name, and shows `each` what it brings about
    /// for clients, in order. `line` is never empty.
    fn command(&mut self, client: ClientNumber, line: &[Bytes], now: Moment, each: &mut dyn FnMut(ClientOutput));

    /// Whether the client's last command is still to be answered: until it is, no further one is carried out.
    fn is_waiting(&self, client: ClientNumber) -> bool;

    /// Whether the client has presented the password, or needs none.
    fn is_authenticated(&self, client: ClientNumber) -> bool;

    /// Which limits of output count for the client.
    fn class(&self, client: ClientNumber) -> OutputClass;

    /// Shows what came about for clients since the last call beside what commands brought, in order.
    fn take_outputs(&mut self, each: &mut dyn FnMut(ClientOutput));

    /// Before anything is written to clients: what they are told of is kept, or `false`; then what waits for them must not
    /// be told, and their connections end.
    fn commit(&mut self) -> bool {
        true
    }

    /// The limits that are in force now; clients with the right may change them.
    fn limits(&self) -> ClientLimits;
}

/// The door's side of all such connections of the lane.
pub trait Desk {
    /// Takes the service's outputs for its connections. Called in every turn, when the lanes were served.
    fn take_outputs(&self, service: &mut dyn Service);

    /// Writes to each connection what there is for it, once, and ends those over a limit. Called in every turn, behind.
    /// `now_ms` is milliseconds since 1970.
    fn write(&self, service: &mut dyn Service, now_ms: u64);

    /// Its counters, for `/metrics`.
    fn measures(&self) -> Vec<Measure>;
}

/// What is known of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Peer {
    /// The other end, `ip:port`.
    pub address: String,
    /// This end, `ip:port`.
    pub local_address: String,
    /// The number of its socket.
    pub fd: u64,
}

/// Something for a client.
#[derive(Clone, PartialEq, Debug)]
pub enum ClientOutput {
    /// The answer to its oldest unanswered command, in the types of its protocol's version.
    Reply {
        /// Whose.
        client: ClientNumber,
        /// The answer.
        reply: Reply,
    },
    /// A message that answers no command.
    Push {
        /// To whom.
        client: ClientNumber,
        /// Its elements, the kind first.
        message: Vec<Reply>,
    },
    /// A simple string that answers no command.
    Line {
        /// To whom.
        client: ClientNumber,
        /// Without its end.
        text: Bytes,
    },
    /// From now on the client is spoken to in this version of the protocol: 2 or 3.
    Protocol {
        /// To whom.
        client: ClientNumber,
        /// 2 or 3.
        version: u8,
    },
    /// The connection ends once what was told before is written.
    Close {
        /// Whose.
        client: ClientNumber,
    },
}

/// The kinds of clients that differ in how much may wait for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutputClass {
    /// Is answered what it asked for.
    #[default]
    Normal,
    /// Is sent every command of all clients.
    Monitor,
    /// Is subscribed to something.
    Pubsub,
}

/// What clients may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientLimits {
    /// Connections at once: over it, a new one is told so and closed.
    pub clients_max: usize,
    /// The unfinished request of a client, in bytes: over it, the connection is closed.
    pub query_bytes_max: usize,
    /// One argument, in bytes.
    pub bulk_bytes_max: usize,
    /// A normal client that sends nothing for so long is closed; 0: never.
    pub idle_ms: u64,
    /// What may wait to be written, by [`OutputClass`].
    pub output: [OutputLimit; 3],
}

/// What may wait to be written to a client. A limit of 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutputLimit {
    /// Over it, the connection is closed at once.
    pub hard_bytes: usize,
    /// Over it for longer than `soft_ms`, the connection is closed.
    pub soft_bytes: usize,
    /// See `soft_bytes`.
    pub soft_ms: u64,
}
