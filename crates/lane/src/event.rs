//! Everything that can happen to a lane, and everything it wants done.

use crate::mail::Mail;
use model::backend::{BackendEvent, BackendRequest};
use model::{CloseCode, ConnId, Error, LaneId, Request};
use session::{Grant, Revoked};
use std::sync::Arc;

/// What happened. Events that name a connection which is gone are ignored.
#[derive(Debug)]
pub enum Event {
    /// Bytes came from the client.
    Heard {
        /// Who.
        conn: ConnId,
        /// A message ended in them.
        whole: bool,
        /// They end within a frame, or between two frames of one message: something waits for its rest.
        partial: bool,
    },
    /// A request came.
    Request {
        /// Who asks.
        conn: ConnId,
        /// What.
        request: Request,
    },
    /// What came is not a request.
    Rejected {
        /// Who sent it.
        conn: ConnId,
        /// The request's id, if readable.
        id: Option<u64>,
        /// Why.
        error: Error,
    },
    /// The token of [`Output::Authenticate`] was looked at.
    Authenticated {
        /// Who presented it.
        conn: ConnId,
        /// The request's.
        id: u64,
        /// What it gives, or why nothing.
        result: Result<Box<Grant>, Error>,
    },
    /// Who is let in no more, from now on.
    Revoked(Arc<Revoked>),
    /// A frame of the door's own for its client: a pong.
    Send {
        /// To whom.
        conn: ConnId,
        /// The frame.
        frame: bytes::Bytes,
    },
    /// The door wants the connection closed: the client closed, or broke the protocol.
    Close {
        /// Who.
        conn: ConnId,
        /// The code to answer with.
        code: CloseCode,
    },
    /// The server goes: clients are closed with 1001.
    Drain {
        /// So many of those that are not closing yet.
        at_most: usize,
    },
    /// The connection is gone.
    Disconnected {
        /// Who.
        conn: ConnId,
    },
    /// Another lane writes.
    Mail {
        /// The sender.
        from: LaneId,
        /// The letter.
        mail: Mail,
    },
    /// The backend tells something.
    Backend(BackendEvent),
    /// [`crate::Lane::next_timeout`] has come.
    Timeout,
}

/// What the lane wants of its shell.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// A request for the backend.
    Backend(BackendRequest),
    /// Find out whose token this is; then [`Event::Authenticated`].
    Authenticate {
        /// Who presents it.
        conn: ConnId,
        /// The request's.
        id: u64,
        /// The token.
        token: String,
    },
    /// Nothing more will be queued for this client: once what is queued is written, shut the connection down.
    Close {
        /// Who.
        conn: ConnId,
        /// Why; its close frame is queued already where the format has one.
        code: CloseCode,
    },
    /// The one feed that an `/sse` client asked for is refused; nothing is queued for it.
    Refused {
        /// Who.
        conn: ConnId,
        /// Why.
        error: Error,
    },
    /// The client's requests wait for the backend no more than they may: read from it again.
    Resume {
        /// Who.
        conn: ConnId,
    },
    /// Drop the connection at once: it did not take its close frame in time.
    Abort {
        /// Who.
        conn: ConnId,
    },
}
