//! A connection whose frames are taken by an HTTP response instead of being written to a socket by the pump.

use bytes::Bytes;
use model::{CloseCode, ConnId, Format};
use runtime::{Connection, LaneHandle, Written};
use std::cell::{Cell, RefCell};
use std::io::IoSlice;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The taking side. Dropping it ends the connection.
pub struct Pull {
    lane: LaneHandle,
    shared: Rc<Shared>,
}

struct Shared {
    conn: ConnId,
    waker: RefCell<Option<Waker>>,
    /// Nothing comes behind what is queued.
    is_over: Cell<bool>,
}

impl Pull {
    /// A new connection of the lane.
    pub fn connect(lane: LaneHandle, format: Format) -> Pull {
        let make = |conn| Rc::new(Shared { conn, waker: RefCell::new(None), is_over: Cell::new(false) });
        let shared = lane.connect(format, make);
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

    fn close(&self, _: CloseCode) {
        self.is_over.set(true);
        self.wake();
    }

    fn abort(&self) {
        self.is_over.set(true);
        self.wake();
    }
}
