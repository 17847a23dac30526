//! One client as the desk sees it: its socket, what waits to be written, and whether that is still in bounds.

use bytes::{Buf, BytesMut};
use runtime::{ClientNumber, OutputLimit};
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::task::Waker;
use tokio::io::Interest;
use tokio::net::TcpStream;
use wire::resp::Protocol;

/// What of an empty output buffer is kept for the next reply, in bytes.
const OUTPUT_KEPT_MAX: usize = 16 << 10;

/// What the desk and the connection's task share.
pub struct Client {
    pub number: ClientNumber,
    pub stream: TcpStream,
    /// The version it is spoken to in.
    pub protocol: Cell<Protocol>,
    /// What waits to be written.
    output: RefCell<BytesMut>,
    /// It stands in the desk's list of those to write to.
    pub is_listed: Cell<bool>,
    /// The socket took nothing: the task waits until it does.
    pub is_blocked: Cell<bool>,
    /// The task does not read, as the client waits or has too much to take first.
    pub is_paused: Cell<bool>,
    /// To be closed once everything is written; nothing of what it sends counts any more.
    pub is_closing: Cell<bool>,
    /// To be dropped now.
    pub is_aborted: Cell<bool>,
    /// Milliseconds since 1970 when it last sent something.
    pub heard_ms: Cell<u64>,
    /// Since when its output is over the soft limit, in milliseconds since 1970; 0: it is not.
    over_soft_ms: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Client {
    pub fn new(number: ClientNumber, stream: TcpStream, now_ms: u64) -> Client {
        Client {
            number,
            stream,
            protocol: Cell::new(Protocol::Resp2),
            output: RefCell::new(BytesMut::new()),
            is_listed: Cell::new(false),
            is_blocked: Cell::new(false),
            is_paused: Cell::new(false),
            is_closing: Cell::new(false),
            is_aborted: Cell::new(false),
            heard_ms: Cell::new(now_ms),
            over_soft_ms: Cell::new(0),
            waker: RefCell::new(None),
        }
    }

    /// Bytes that wait to be written.
    pub fn waiting_bytes(&self) -> usize {
        self.output.borrow().len()
    }

    /// Adds output; how many bytes came to it.
    pub fn add(&self, encode: impl FnOnce(&mut BytesMut)) -> usize {
        let mut output = self.output.borrow_mut();
        let before = output.len();
        encode(&mut output);
        output.len() - before
    }

    /// Writes what the socket takes now; how many bytes it took.
    pub fn write(&self) -> usize {
        let mut output = self.output.borrow_mut();
        let mut written = 0;
        while !output.is_empty() && !self.is_aborted.get() {
            // Straight to the kernel: the event loop's own bookkeeping is only needed once the socket takes nothing.
            match socket2::SockRef::from(&self.stream).send(&output) {
                Ok(count) => {
                    written += count;
                    output.advance(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.not_ready(Interest::WRITABLE);
                    self.is_blocked.set(true);
                    self.wake();
                    return written;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.abort(),
            }
        }
        if self.is_aborted.get() {
            return written;
        }
        self.is_blocked.set(false);
        match output.capacity() > OUTPUT_KEPT_MAX {
            true => *output = BytesMut::new(),
            false => output.clear(),
        }
        if self.is_closing.get() || self.is_paused.get() {
            self.wake();
        }
        written
    }

    /// Whether more waits than may, or has for too long.
    pub fn is_over(&self, limit: OutputLimit, now_ms: u64) -> bool {
        let waiting = self.waiting_bytes();
        if limit.soft_bytes == 0 || waiting <= limit.soft_bytes {
            self.over_soft_ms.set(0);
        } else if self.over_soft_ms.get() == 0 {
            self.over_soft_ms.set(now_ms);
        }
        let since = self.over_soft_ms.get();
        let for_too_long = since > 0 && now_ms.saturating_sub(since) > limit.soft_ms;
        limit.hard_bytes > 0 && waiting > limit.hard_bytes || for_too_long
    }

    /// Gives back memory that an idle client does not need.
    pub fn shrink(&self) {
        let mut output = self.output.borrow_mut();
        if output.is_empty() && output.capacity() > 0 {
            *output = BytesMut::new();
        }
    }

    /// The connection ends without another word; what waited for it is dropped. How many bytes that were.
    pub fn drop_output(&self) -> usize {
        std::mem::take(&mut *self.output.borrow_mut()).len()
    }

    /// Ends the connection now.
    pub fn abort(&self) {
        self.is_aborted.set(true);
        self.wake();
    }

    /// Ends the connection once everything is written.
    pub fn close(&self) {
        self.is_closing.set(true);
        self.wake();
    }

    /// The task looks again what there is to do.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// The task to wake.
    pub fn set_waker(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    /// Tells the event loop that the socket was found not ready. It is edge triggered: what changes from now on is told.
    pub fn not_ready(&self, interest: Interest) {
        let _ = self.stream.try_io(interest, || Err::<(), _>(io::Error::from(ErrorKind::WouldBlock)));
    }
}
