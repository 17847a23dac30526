//! A connection whose frames are taken by an HTTP response instead of being written to a socket by the pump.

use crate::identity::Client;
use bytes::Bytes;
use model::{CloseCode, ConnId, Error, Format};
use runtime::{Connection, LaneHandle, Written};
use std::cell::{Cell, RefCell};
use std::io::IoSlice;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The taking side. Dropping it ends the connection.
pub struct Pull {
    lane: LaneHandle,
    shared: Rc<Shared>,
}

struct Shared {
    conn: ConnId,
    address: Option<IpAddr>,
    waker: RefCell<Option<Waker>>,
    /// Nothing comes behind what is queued.
    is_over: Cell<bool>,
    /// How the lane closed the connection.
    code: Cell<Option<CloseCode>>,
    /// Why nothing comes at all.
    refusal: RefCell<Option<Error>>,
}

impl Pull {
    /// A new connection of the lane, for this client.
    pub fn connect(lane: LaneHandle, client: Client, format: Format) -> Pull {
        let Client { identity, address } = client;
        let make = |conn| {
            let (waker, refusal) = (RefCell::new(None), RefCell::new(None));
            Rc::new(Shared { conn, address, waker, is_over: Cell::new(false), code: Cell::new(None), refusal })
        };
        let shared = lane.connect_as(identity, format, make);
        Pull { lane, shared }
    }

    /// Its id.
    pub fn conn(&self) -> ConnId {
        self.shared.conn
    }

    /// Its lane.
    pub fn lane(&self) -> &LaneHandle {
        &self.lane
    }

    /// The next frame; `None` when the lane has ended the connection.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(frame) = self.lane.take(self.shared.conn) {
            return Poll::Ready(Some(frame));
        }
        if self.shared.is_over.get() {
            return Poll::Ready(None);
        }
        *self.shared.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// How the lane closed the connection, if it did.
    pub fn close_code(&self) -> Option<CloseCode> {
        self.shared.code.get()
    }

    /// Why the connection was ended without a frame.
    pub fn refusal(&self) -> Option<Error> {
        self.shared.refusal.borrow_mut().take()
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.lane.disconnect(self.shared.conn);
    }
}

impl Connection for Shared {
    fn try_write(&self, _: &[IoSlice<'_>]) -> Written {
        Written::Pulls
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn close(&self, code: CloseCode) {
        self.code.set(Some(code));
        self.is_over.set(true);
        self.wake();
    }

    fn abort(&self) {
        self.is_over.set(true);
        self.wake();
    }

    fn address(&self) -> Option<IpAddr> {
        self.address
    }

    fn refuse(&self, error: Error) {
        *self.refusal.borrow_mut() = Some(error);
        self.abort();
    }
}
