//! `/ws` and `/raw`: a WebSocket connection on its lane's thread.
//!
//! The connection's task only reads, and waits: the pump writes, straight from the outbox. Bytes are read into one
//! buffer that all connections of the lane share, so an idle connection holds no buffer at all.

use crate::identity::{self, Identity};
use crate::stream::Stream;
use auth::{Denial, Gate};
use bytes::Bytes;
use lane::{Event, Lane};
use model::{CloseCode, ConnId, Format, Request, Verb};
use runtime::{Connection, LaneHandle, Place, Share, Slice, Written};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::Interest;
use wire::native::BadRequest;
use wire::ws::{Decoder, Message, Role};

/// Who comes through the door, and who finds out if it says so later.
pub struct Guard {
    /// Looks at tokens.
    pub gate: Arc<Gate>,
    /// Who comes, or why it is not let in.
    pub identity: Result<Identity, Denial>,
}

/// Which WebSocket door it is.
pub enum Door {
    /// `/ws`.
    Native,
    /// `/raw`, with the feed its query string asks for.
    Raw(Option<Verb>),
}

/// What the handshake agreed on.
pub struct Terms {
    /// Which door it is.
    pub door: Door,
    /// `permessage-deflate` is spoken.
    pub deflates: bool,
}

/// Serves an upgraded connection to its end, by a task of its own. `early`: bytes that came behind the handshake.
///
/// What the task keeps between two polls is what an idle connection costs, so everything is set up before it.
pub fn serve(lane: LaneHandle, stream: Stream, place: Place, mut early: Vec<u8>, terms: Terms, guard: Guard) {
    let Terms { door, deflates } = terms;
    let plain = match door {
        Door::Native => Format::Native,
        Door::Raw(_) => Format::Raw,
    };
    let format = if deflates { plain.deflated() } else { plain };
    // It took a while to get here: somebody may have been revoked meanwhile.
    let identity = guard.identity.and_then(|identity| identity::check(&lane, identity));
    let (grant, refusal) = match identity {
        Ok(grant) => (grant, None),
        Err(denial) => (None, Some(identity::close_code(&denial))),
    };
    let socket = lane.connect_as(grant, format, |conn| Rc::new(Socket::new(conn, stream, place, guard.gate)));
    let (decoder, slice) = (Decoder::new(Role::Server), lane.slice());
    let mut reader = Reader { socket, lane, format, decoder, held: None, slice, wants_more: false, last_id: 0 };
    if let Some(code) = refusal {
        reader.close(code);
    } else if let Door::Raw(Some(verb)) = door {
        reader.request(verb);
    }
    reader.received(&mut early);
    tokio::task::spawn_local(reader.run());
}

/// What the task and the pump share.
struct Socket {
    conn: ConnId,
    stream: Stream,
    /// Held for as long as the client is there.
    place: Place,
    /// Looks at tokens that the client presents.
    gate: Arc<Gate>,
    /// The connection's task.
    waker: RefCell<Option<Waker>>,
    /// The socket took nothing: the task waits until it does, and flushes.
    is_blocked: Cell<bool>,
    /// The task does not read until the lane wants input again.
    is_paused: Cell<bool>,
    /// To be shut down once everything is written.
    is_closing: Cell<bool>,
    is_aborted: Cell<bool>,
}

impl Socket {
    fn new(conn: ConnId, stream: Stream, place: Place, gate: Arc<Gate>) -> Socket {
        Socket {
            conn,
            stream,
            place,
            gate,
            waker: RefCell::new(None),
            is_blocked: Cell::new(false),
            is_paused: Cell::new(false),
            is_closing: Cell::new(false),
            is_aborted: Cell::new(false),
        }
    }

    fn wake_task(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Connection for Socket {
    fn try_write(&self, chunks: &[IoSlice<'_>]) -> Written {
        match self.stream.try_write(chunks) {
            Ok(bytes) => {
                let asked = chunks.iter().map(|c| c.len()).sum();
                self.is_blocked.set(bytes < asked || self.stream.wants_write());
                Written::Bytes(bytes)
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                self.stream.not_ready(Interest::WRITABLE);
                self.is_blocked.set(true);
                Written::Blocked
            }
            Err(e) => {
                self.is_aborted.set(true);
                Written::Failed(e.kind())
            }
        }
    }

    fn wake(&self) {
        // Most writes change nothing for the task: it waits for input either way.
        if self.is_blocked.get() || self.is_paused.get() || self.is_closing.get() || self.is_aborted.get() {
            self.wake_task();
        }
    }

    fn close(&self, _: CloseCode) {
        self.is_closing.set(true);
        self.wake_task();
    }

    fn abort(&self) {
        self.is_aborted.set(true);
        self.wake_task();
    }

    fn authenticate(&self, lane: &LaneHandle, id: u64, token: String) {
        let (conn, gate, lane) = (self.conn, self.gate.clone(), lane.clone());
        tokio::task::spawn_local(async move {
            let result = identity::of_token(&gate, &lane, &token).await;
            lane.handle(Event::Authenticated { conn, id, result });
        });
    }

    fn address(&self) -> Option<IpAddr> {
        self.place.address()
    }
}

/// The task's side.
struct Reader {
    socket: Rc<Socket>,
    lane: LaneHandle,
    format: Format,
    decoder: Decoder,
    /// What was read and waits until the client has less under way.
    held: Option<Box<Held>>,
    /// Until when the client is served before others are.
    slice: Slice,
    /// It sends more than it was served: it takes turns with others that do.
    wants_more: bool,
    /// The last request of a connection without a protocol.
    last_id: u64,
}

/// What a read brought.
enum Came {
    /// Something, or nothing yet.
    Some,
    /// As much as the buffer holds: there is more, as a rule.
    Full,
    /// The connection's end.
    End,
}

/// Input of a client that sends more than it may have under way, or than there is time for. It is bounded: nothing is read
/// while there is any.
#[derive(Default)]
struct Held {
    /// The rest of a batch.
    requests: VecDeque<Result<Request, BadRequest>>,
    /// What came behind it, not decoded yet.
    bytes: Vec<u8>,
}

/// What the task was woken for.
enum Ready {
    Input,
    /// What was held may go on.
    Held,
    Room,
    /// Everything is written and the connection is closing.
    Finished,
    Aborted,
}

impl Reader {
    async fn run(mut self) {
        let mut has_shut_down = false;
        loop {
            match poll_fn(|cx| self.poll_ready(has_shut_down, cx)).await {
                Ready::Input => {
                    // What it sent costs more than it looks: that is known only behind it.
                    if self.asks_often() && self.lane.is_pressed() {
                        self.lane.take_turn(Share::Whole).await;
                    }
                    match self.read() {
                        Came::Some => {}
                        Came::Full => self.wants_more = true,
                        Came::End => break,
                    }
                }
                Ready::Held => self.go_on(),
                Ready::Room => self.write_on(),
                Ready::Finished => {
                    // The client has its close frame. What it still sends is read and dropped until it closes too: closing
                    // with unread bytes would be a reset, and could take the close frame with it.
                    has_shut_down = true;
                    if self.socket.stream.shutdown().is_err() {
                        break;
                    }
                }
                Ready::Aborted => break,
            }
            // A client that sends without a pause takes its turns as the others do.
            if std::mem::take(&mut self.wants_more) {
                self.lane.take_turn(Share::Whole).await;
            }
        }
        self.lane.disconnect(self.socket.conn);
    }

    /// Whether it was served just now as well.
    fn asks_often(&self) -> bool {
        const OFTEN: Duration = Duration::from_millis(10);
        self.slice.is_within(OFTEN, self.lane.clock())
    }

    fn poll_ready(&self, has_shut_down: bool, cx: &mut Context<'_>) -> Poll<Ready> {
        let socket = &self.socket;
        if socket.is_aborted.get() {
            return Poll::Ready(Ready::Aborted);
        }
        if socket.is_blocked.get() && socket.stream.poll_write_ready(cx).is_ready() {
            return Poll::Ready(Ready::Room);
        }
        let (wants_input, has_output) =
            self.lane.with_lane(|lane| (lane.wants_input(socket.conn), lane.has_output(socket.conn)));
        if socket.is_closing.get() && !has_shut_down && !has_output && !socket.stream.wants_write() {
            return Poll::Ready(Ready::Finished);
        }
        socket.is_paused.set(!wants_input && !socket.is_closing.get());
        if wants_input && self.held.is_some() {
            return Poll::Ready(Ready::Held);
        }
        if !socket.is_paused.get() && socket.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(Ready::Input);
        }
        *socket.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The socket takes bytes again: first those that are encrypted already, then those in the outbox.
    fn write_on(&self) {
        match self.socket.stream.try_flush() {
            Ok(()) => {
                self.socket.is_blocked.set(false);
                self.lane.flush(self.socket.conn);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.socket.is_aborted.set(true),
        }
    }

    /// Reads what is there, up to a buffer.
    fn read(&mut self) -> Came {
        self.slice = self.lane.slice();
        let (lane, socket) = (self.lane.clone(), self.socket.clone());
        lane.with_scratch(|buffer| match socket.stream.try_read(buffer) {
            Ok(0) => Came::End,
            Ok(count) => {
                self.received(&mut buffer[..count]);
                if count == buffer.len() || !socket.stream.is_plain() {
                    return Came::Full;
                }
                // The socket is empty: saying so saves the read that would only find that out.
                socket.stream.not_ready(Interest::READABLE);
                Came::Some
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Came::Some,
            Err(_) => Came::End,
        })
    }

    fn received(&mut self, mut input: &mut [u8]) {
        if self.socket.is_closing.get() || input.is_empty() || self.hold(input) {
            return;
        }
        let message_bytes_max = self.lane.with_lane(|lane| lane.limits().message_bytes_max);
        let mut whole = false;
        let mut inflater = self.format.is_deflated().then(|| self.lane.with_lane(Lane::take_inflater));
        loop {
            // The decoder is taken out, so that what it gives may be handed to `self`.
            let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(Role::Server));
            let more = match decoder.decode_inflating(&mut input, message_bytes_max, inflater.as_deref_mut()) {
                Ok(Some(message)) => {
                    // What stands between the frames of a message does not end it.
                    whole |= !matches!(message, Message::Ping(_) | Message::Pong(_));
                    self.message(message);
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    self.close(error.close_code());
                    false
                }
            };
            self.decoder = decoder;
            if !more || self.hold(input) {
                break;
            }
        }
        if let Some(inflater) = inflater {
            self.lane.with_lane(|lane| lane.return_inflater(inflater));
        }
        let partial = self.decoder.is_mid_message();
        self.lane.handle(Event::Heard { conn: self.socket.conn, whole, partial });
    }

    fn message(&mut self, message: Message<'_>) {
        let conn = self.socket.conn;
        match (message, self.format.plain()) {
            (Message::Text(text), Format::Native) => self.requests(text),
            (Message::Text(line), _) => self.command_line(line.as_bytes()),
            (Message::Binary(_), Format::Native) => self.close(CloseCode::Unsupported),
            (Message::Binary(line), _) => self.command_line(line),
            (Message::Ping(payload), _) => {
                let mut frame = Vec::with_capacity(payload.len() + 2);
                wire::ws::pong(payload, &mut frame);
                self.lane.handle(Event::Send { conn, frame: Bytes::from(frame) });
            }
            (Message::Pong(_), _) => {}
            (Message::Close { .. }, _) => self.close(CloseCode::Normal),
        }
    }

    fn requests(&mut self, text: &str) {
        let batch_max = self.lane.with_lane(|lane| lane.limits().batch_max);
        self.carry_out(wire::native::decode(text, batch_max).into_iter());
    }

    /// Hands requests to the lane, and holds those that have to wait.
    fn carry_out(&mut self, mut requests: impl Iterator<Item = Result<Request, BadRequest>>) {
        let conn = self.socket.conn;
        while !self.has_to_wait() {
            let Some(request) = requests.next() else { return };
            self.lane.handle(match request {
                Ok(request) => Event::Request { conn, request },
                Err(bad) => Event::Rejected { conn, id: bad.id, error: bad.error },
            });
        }
        let mut rest = requests.peekable();
        if rest.peek().is_some() {
            self.wants_more = true;
            self.held.get_or_insert_default().requests.extend(rest);
        }
    }

    /// Whether the client has enough under way, or was served for long enough.
    fn has_to_wait(&self) -> bool {
        self.slice.is_over(self.lane.clock()) || !self.lane.with_lane(|lane| lane.wants_input(self.socket.conn))
    }

    /// Keeps `input` for later if the client has to wait. Returns whether it has.
    fn hold(&mut self, input: &[u8]) -> bool {
        if !self.has_to_wait() {
            return false;
        }
        if !input.is_empty() {
            self.wants_more = true;
            self.held.get_or_insert_default().bytes.extend_from_slice(input);
        }
        true
    }

    /// Goes on with what was held.
    fn go_on(&mut self) {
        let Some(mut held) = self.held.take() else { return };
        self.slice = self.lane.slice();
        self.carry_out(held.requests.into_iter());
        self.received(&mut held.bytes);
    }

    fn command_line(&mut self, line: &[u8]) {
        match wire::line::command(line) {
            Ok(command) => self.request(Verb::Command(command)),
            Err(error) => {
                let id = Some(self.take_id());
                self.lane.handle(Event::Rejected { conn: self.socket.conn, id, error });
            }
        }
    }

    /// A request of a connection without a protocol: numbered here, so that it is answered.
    fn request(&mut self, verb: Verb) {
        let request = Request { id: Some(self.take_id()), verb };
        self.lane.handle(Event::Request { conn: self.socket.conn, request });
    }

    fn take_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn close(&self, code: CloseCode) {
        self.lane.handle(Event::Close { conn: self.socket.conn, code });
    }
}
