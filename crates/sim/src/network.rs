//! The connections between clients and lanes: bytes that take their time, in pieces of any size, through a socket that
//! holds only so much; and the door's side of each, which does what `crates/doors` does.

use crate::checks::Check;
use crate::world::{Job, World};
use bytes::Bytes;
use lane::Event;
use model::{CloseCode, ConnId, Format, LaneId, Request, Time, Verb};
use std::collections::VecDeque;
use wire::ws::{Decoder, Message, Role};

/// What the hub may hold for one client over its limit: the frames that tell of losses.
const OUTBOX_SLACK: usize = 1 << 10;
/// Chunks written at once, as in `crates/runtime`.
const CHUNKS_MAX: usize = 64;

/// One connection.
pub struct Socket {
    /// Its lane.
    pub lane: LaneId,
    /// Its id there.
    pub conn: ConnId,
    /// The client at the other end; none once it has left.
    pub client: Option<usize>,
    format: Format,
    decoder: Decoder,
    /// From the client, not read by the door yet.
    up: VecDeque<u8>,
    /// From the lane, not read by the client yet.
    down: VecDeque<u8>,
    is_reading: bool,
    /// The lane wants no input now.
    is_paused: bool,
    /// A job that brings bytes to the client is under way.
    is_arriving: bool,
    is_blocked: bool,
    is_closing: bool,
    /// The server has said its last.
    is_finished: bool,
    next_id: u64,
}

impl Socket {
    /// The lane has closed it.
    pub fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Nothing is on its way to the client.
    pub fn is_drained(&self) -> bool {
        self.down.is_empty()
    }
}

impl World {
    /// A client connects to a lane. `verb`: what a door without a protocol was asked for.
    pub fn connect(&mut self, client: usize, lane: LaneId, format: Format, verb: Option<Verb>) -> u64 {
        self.next_socket += 1;
        let id = self.next_socket;
        let shell = &mut self.shells[usize::from(lane.0)];
        let conn = shell.lane.connect(format, self.now);
        shell.sockets.insert(conn, id);
        let socket = Socket {
            lane,
            conn,
            client: Some(client),
            format,
            decoder: Decoder::new(Role::Server),
            up: VecDeque::new(),
            down: VecDeque::new(),
            is_reading: false,
            is_paused: false,
            is_arriving: false,
            is_blocked: false,
            is_closing: false,
            is_finished: false,
            next_id: 0,
        };
        self.sockets.insert(id, socket);
        self.trace.line(self.now, || format!("client {client} connects to lane {} by socket {id}, {format:?}", lane.0));
        self.wake(lane);
        if let Some(verb) = verb {
            self.plain_request(id, verb);
        }
        id
    }

    fn plain_request(&mut self, id: u64, verb: Verb) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let request = Request { id: Some(socket.next_id), verb };
        socket.next_id += 1;
        let (lane, conn) = (socket.lane, socket.conn);
        self.tell_lane(lane, Event::Request { conn, request });
    }

    /// The client sends bytes.
    pub fn send_up(&mut self, id: u64, bytes: &[u8]) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.up.extend(bytes);
        if !socket.is_reading {
            socket.is_reading = true;
            self.post_soon(self.plan.client_delay, Job::Up(id));
        }
    }

    /// Bytes have reached the door. It reads some, if the lane wants input.
    pub fn read_up(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let shell = &mut self.shells[usize::from(socket.lane.0)];
        if !shell.lane.wants_input(socket.conn) && !socket.is_closing {
            // The lane says when it wants more: at a resume, or when something was written.
            socket.is_paused = true;
            return;
        }
        let most = socket.up.len();
        let count = if self.rng.u8(0..3) == 0 { self.rng.usize(0..=most) } else { most };
        let mut bytes: Vec<u8> = socket.up.drain(..count).collect();
        socket.is_reading = !socket.up.is_empty();
        if socket.is_reading {
            self.post_soon(self.plan.client_delay, Job::Up(id));
        }
        self.received(id, &mut bytes);
    }

    /// The door looks again whether the lane wants input.
    pub fn resume_input(&mut self, id: u64) {
        if let Some(socket) = self.sockets.get_mut(&id)
            && std::mem::take(&mut socket.is_paused)
        {
            self.post_soon(0, Job::Up(id));
        }
    }

    fn received(&mut self, id: u64, mut input: &mut [u8]) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        if socket.is_closing || input.is_empty() {
            return;
        }
        let (lane, conn, format) = (socket.lane, socket.conn, socket.format);
        let limits = &self.plan.limits;
        let (mut events, mut whole) = (Vec::new(), false);
        loop {
            match socket.decoder.decode(&mut input, limits.message_bytes_max) {
                Ok(Some(message)) => {
                    whole = true;
                    door(conn, format, message, limits.batch_max, &mut socket.next_id, &mut events);
                }
                Ok(None) => break,
                Err(error) => {
                    events.push(Event::Close { conn, code: error.close_code() });
                    break;
                }
            }
        }
        let partial = socket.decoder.is_mid_message();
        events.push(Event::Heard { conn, whole, partial });
        events.into_iter().for_each(|event| self.tell_lane(lane, event));
    }

    /// Writes what the lane has for a connection, as much as its socket takes.
    pub fn write(&mut self, id: u64) {
        if self.take_replies(id) {
            return;
        }
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        if socket.format == Format::Sse {
            return self.pull(id);
        }
        self.check_outbox(id);
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let lane = &mut self.shells[usize::from(socket.lane.0)].lane;
        loop {
            let mut offered = Vec::new();
            lane.chunks(socket.conn, CHUNKS_MAX, |chunk| offered.extend_from_slice(chunk));
            if offered.is_empty() {
                break;
            }
            let room = self.plan.socket_bytes.saturating_sub(socket.down.len());
            let most = offered.len().min(room);
            let taken = if self.rng.u8(0..4) == 0 { self.rng.usize(0..=most) } else { most };
            socket.down.extend(&offered[..taken]);
            let more = lane.wrote(socket.conn, taken);
            socket.is_blocked = taken < offered.len();
            if socket.is_blocked {
                lane.set_blocked(socket.conn, true);
            }
            if socket.is_blocked || !more {
                break;
            }
        }
        let (lane, is_stuck) = (socket.lane, socket.is_blocked && socket.down.len() < self.plan.socket_bytes / 2);
        // Room in an outbox may mean that more can be asked for.
        self.wake(lane);
        if is_stuck {
            self.post_soon(self.plan.client_delay, Job::Room(id));
        }
        self.arrive(id);
        self.resume_input(id);
        self.finish_if_closing(id);
    }

    /// The bytes queued for a client are within its limit.
    fn check_outbox(&mut self, id: u64) {
        let Some(socket) = self.sockets.get(&id) else { return };
        let mut queued = 0;
        self.shells[usize::from(socket.lane.0)].lane.chunks(socket.conn, usize::MAX, |chunk| queued += chunk.len());
        let most = self.plan.limits.outbox_bytes_max + OUTBOX_SLACK;
        self.checks.require(queued <= most, Check::BoundedMemory, || {
            format!("{queued} bytes are queued for one client, of {most}")
        });
    }

    /// The HTTP response takes frames while it has room.
    fn pull(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let lane = &mut self.shells[usize::from(socket.lane.0)].lane;
        while socket.down.len() < self.plan.socket_bytes
            && let Some(frame) = lane.take(socket.conn)
        {
            socket.down.extend(&frame);
        }
        let lane = socket.lane;
        self.wake(lane);
        self.arrive(id);
        self.finish_if_closing(id);
    }

    /// The socket takes bytes again.
    pub fn room(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.is_blocked = false;
        self.shells[usize::from(socket.lane.0)].lane.set_blocked(socket.conn, false);
        self.write(id);
    }

    /// Bytes are on their way to the client.
    fn arrive(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let has_news = !socket.down.is_empty() || socket.is_finished;
        if has_news && !socket.is_arriving && socket.client.is_some() {
            socket.is_arriving = true;
            self.post_soon(self.plan.client_delay, Job::Down(id));
        }
    }

    /// Bytes have reached the client, which reads some if it reads at all.
    pub fn read_down(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        socket.is_arriving = false;
        let Some(client) = socket.client.filter(|&client| !self.clients[client].is_stalled) else { return };
        let most = socket.down.len();
        let count = if self.rng.u8(0..3) == 0 && !self.is_settling { self.rng.usize(0..=most) } else { most };
        let bytes: Vec<u8> = socket.down.drain(..count).collect();
        let has_room = socket.is_blocked || socket.format == Format::Sse;
        let is_over = socket.is_finished && socket.down.is_empty();
        self.trace.bytes(self.now, &bytes);
        self.client_reads(client, id, &bytes);
        if is_over {
            return self.hang_up(id);
        }
        if has_room {
            self.post_soon(self.plan.client_delay, Job::Room(id));
        }
        self.arrive(id);
    }

    /// A client reads again.
    pub fn resume_reading(&mut self, id: u64) {
        self.arrive(id);
    }

    /// The lane closes the connection: once all is written, the server has said its last.
    pub fn close_socket(&mut self, id: u64) {
        self.end_post(id);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.is_closing = true;
        }
        self.resume_input(id);
        self.finish_if_closing(id);
    }

    fn finish_if_closing(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let has_output = self.shells[usize::from(socket.lane.0)].lane.has_output(socket.conn);
        if socket.is_closing && !socket.is_finished && !has_output {
            socket.is_finished = true;
            if socket.client.is_none() {
                self.post_soon(self.plan.client_delay, Job::Gone(id));
            }
            self.arrive(id);
        }
    }

    /// The lane drops the connection at once.
    pub fn abort_socket(&mut self, id: u64) {
        if let Some(client) = self.sockets.get_mut(&id).and_then(|socket| socket.client.take()) {
            self.lost_connection(client);
        }
        self.gone(id);
    }

    /// The client ends the connection, or saw its end; the server notices a little later.
    pub fn hang_up(&mut self, id: u64) {
        let Some(socket) = self.sockets.get_mut(&id) else { return };
        let Some(client) = socket.client.take() else { return };
        self.lost_connection(client);
        let longest = if self.rng.u8(0..4) == 0 { 400_000 } else { self.plan.client_delay };
        self.post_soon(longest, Job::Gone(id));
    }

    /// The server notices that the client is gone.
    pub fn gone(&mut self, id: u64) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        self.shells[usize::from(socket.lane.0)].sockets.remove(&socket.conn);
        self.tell_lane(socket.lane, Event::Disconnected { conn: socket.conn });
    }

    fn post_soon(&mut self, longest: u64, job: Job) {
        let delay = self.delay(longest);
        self.post(Time(self.now.0 + delay), job);
    }
}

/// What a door makes of a message.
fn door(
    conn: ConnId,
    format: Format,
    message: Message<'_>,
    batch_max: usize,
    next_id: &mut u64,
    events: &mut Vec<Event>,
) {
    match (message, format.plain()) {
        (Message::Text(text), Format::Native) => {
            events.extend(wire::native::decode(text, batch_max).into_iter().map(|request| match request {
                Ok(request) => Event::Request { conn, request },
                Err(bad) => Event::Rejected { conn, id: bad.id, error: bad.error },
            }));
        }
        (Message::Text(line), _) => {
            if let Ok(command) = wire::line::command(line.as_bytes()) {
                let request = Request { id: Some(*next_id), verb: Verb::Command(command) };
                *next_id += 1;
                events.push(Event::Request { conn, request });
            }
        }
        (Message::Binary(_), _) => events.push(Event::Close { conn, code: CloseCode::Unsupported }),
        (Message::Ping(payload), _) => {
            let mut frame = Vec::new();
            wire::ws::pong(payload, &mut frame);
            events.push(Event::Send { conn, frame: Bytes::from(frame) });
        }
        (Message::Pong(_), _) => {}
        (Message::Close { .. }, _) => events.push(Event::Close { conn, code: CloseCode::Normal }),
    }
}
