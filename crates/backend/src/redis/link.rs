//! One connection: a task that connects, reads and tells; and a buffer of what is to be written.
//!
//! The task reads whenever there is something, whatever clients do: nothing above can make it wait. What it is told to
//! send gathers in the buffer and goes out when the turn ends ([`Link::flush`]), in one system call as a rule. Only what
//! the socket does not take is left to the task.

use super::Shared;
use super::socket::Socket;
use bytes::{Buf, BytesMut};
use model::{Args, Time};
use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use upstream::{Address, Input, LinkId, Role};
use wire::resp::{ReplyDecoder, encode_command};

/// What is read at once at most.
const READ_BYTES: usize = 32 << 10;
/// What one connection reads before others have their turn.
const TURN_BYTES_MAX: usize = 512 << 10;
/// That a part of a frame came is told so often at most.
const HEARD_INTERVAL: Duration = Duration::from_secs(1);
/// An empty write buffer keeps so much room.
const WRITE_BYTES_KEPT: usize = 64 << 10;

/// A connection, or an attempt at one.
#[derive(Debug)]
pub struct Link {
    id: LinkId,
    address: Address,
    role: Role,
    /// Once connected.
    socket: OnceCell<Socket>,
    /// What is to be written.
    unwritten: RefCell<BytesMut>,
    /// Over it, the connection is given up.
    unwritten_bytes_max: usize,
    /// The socket takes nothing now: the task waits until it does.
    is_blocked: Cell<bool>,
    /// Is to be closed, and nothing more is told of it.
    is_ended: Cell<bool>,
    /// When a part of a frame was last told, so that it is not told with every packet.
    heard_at: Cell<Time>,
    /// What failed outside the task.
    failure: RefCell<Option<String>>,
    /// Wakes the task.
    wake: Notify,
}

impl Link {
    /// An attempt that is about to begin.
    pub fn new(id: LinkId, address: Address, role: Role, unwritten_bytes_max: usize) -> Link {
        Link {
            id,
            address,
            role,
            socket: OnceCell::new(),
            unwritten: RefCell::default(),
            unwritten_bytes_max,
            is_blocked: Cell::new(false),
            is_ended: Cell::new(false),
            heard_at: Cell::default(),
            failure: RefCell::default(),
            wake: Notify::new(),
        }
    }

    /// Its number.
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// A part of a frame came. Whether that is worth telling.
    pub fn is_heard(&self, now: Time) -> bool {
        let is_due = now.since(self.heard_at.get()) >= HEARD_INTERVAL;
        if is_due {
            self.heard_at.set(now);
        }
        is_due
    }

    /// Takes a command to be written at the next [`Link::flush`]. Returns whether it is the first one since the last.
    pub fn send(&self, command: &Args) -> bool {
        let mut unwritten = self.unwritten.borrow_mut();
        let was_empty = unwritten.is_empty();
        encode_command(command, &mut unwritten);
        if unwritten.len() > self.unwritten_bytes_max {
            let what = format!("it takes nothing: {} bytes wait, and redis_write_bytes_max is less", unwritten.len());
            drop(unwritten);
            self.fail(what);
        }
        was_empty
    }

    /// Writes what the socket takes now.
    pub fn flush(&self) {
        if self.is_blocked.get() {
            return;
        }
        match self.write() {
            Ok(()) if self.is_blocked.get() => self.wake.notify_one(),
            Ok(()) => {}
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Closes the connection, or gives up the attempt; nothing more is told of it.
    pub fn end(&self) {
        self.is_ended.set(true);
        self.wake.notify_one();
    }

    fn fail(&self, what: String) {
        self.unwritten.borrow_mut().clear();
        self.failure.borrow_mut().get_or_insert(what);
        self.wake.notify_one();
    }

    fn write(&self) -> io::Result<()> {
        let Some(socket) = self.socket.get() else { return Ok(()) };
        let mut unwritten = self.unwritten.borrow_mut();
        self.is_blocked.set(false);
        while !unwritten.is_empty() {
            match socket.try_write(&unwritten) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => unwritten.advance(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_blocked.set(true);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        if unwritten.capacity() > WRITE_BYTES_KEPT {
            *unwritten = BytesMut::new();
        }
        self.is_blocked.set(!socket.try_flush()?);
        Ok(())
    }
}

/// Connects, and serves the connection until it ends.
pub async fn run(shared: Rc<Shared>, link: Rc<Link>) {
    let attempt = async {
        let credentials = shared.credentials(link.role).load().await?;
        io::Result::Ok((Socket::connect(&link.address, shared.tls()).await?, credentials))
    };
    let connected = tokio::select! {
        connected = attempt => connected,
        () = ended(&link) => return,
    };
    let reason = match connected {
        Ok((socket, credentials)) => {
            let socket = link.socket.get_or_init(|| socket);
            shared.tell(Input::Connected { link: link.id, credentials });
            read(&shared, &link, socket).await
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        shared.closed(link.id, reason);
    }
}

/// Waits until the link is ended.
async fn ended(link: &Link) {
    while !link.is_ended.get() {
        link.wake.notified().await;
    }
}

/// Reads until the connection ends, and says why; none: because it was to be closed.
async fn read(shared: &Rc<Shared>, link: &Link, socket: &Socket) -> Option<String> {
    let mut decoder = ReplyDecoder::new(shared.reply_limits(link.role));
    let mut buffer = BytesMut::new();
    loop {
        if link.is_ended.get() {
            return None;
        }
        if let Some(failure) = link.failure.take() {
            return Some(failure);
        }
        match read_turn(shared, link, socket, &mut decoder, &mut buffer) {
            // More may be there: after the others.
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => {
                tokio::select! {
                    biased;
                    () = link.wake.notified() => {}
                    ready = socket.ready(link.is_blocked.get()) => if let Err(error) = ready {
                        return Some(error.to_string());
                    },
                }
                if (link.is_blocked.get() || socket.wants_write())
                    && let Err(error) = link.write()
                {
                    return Some(error.to_string());
                }
            }
            Err(reason) => return (!link.is_ended.get()).then_some(reason),
        }
    }
}

/// Reads what there is, within bounds, and tells it. Whether the bounds ended it.
fn read_turn(
    shared: &Rc<Shared>,
    link: &Link,
    socket: &Socket,
    decoder: &mut ReplyDecoder,
    buffer: &mut BytesMut,
) -> Result<bool, String> {
    let mut taken = 0;
    let mut over = Ok(true);
    while taken < TURN_BYTES_MAX {
        buffer.reserve(READ_BYTES);
        let room = buffer.capacity() - buffer.len();
        let mut is_emptied = false;
        match socket.try_read(buffer) {
            Ok(0) => over = Err("it closed the connection".to_owned()),
            Ok(read) => {
                taken += read;
                is_emptied = read < room && socket.is_emptied();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => over = Ok(false),
            Err(error) => over = Err(error.to_string()),
        }
        if !matches!(over, Ok(true)) {
            break;
        }
        shared.frames(link, || decoder.decode(buffer)).map_err(|error| error.to_string())?;
        if is_emptied {
            over = Ok(false);
            break;
        }
    }
    if taken > 0 {
        shared.wake();
    }
    over
}
