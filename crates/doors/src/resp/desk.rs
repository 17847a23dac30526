//! All clients of the RESP port: outputs find their connection here, and are written once per turn.

use super::RespConfig;
use super::client::Client;
use bytes::{Bytes, BytesMut};
use runtime::{ClientNumber, ClientOutput, LaneHandle, Measure, OutputClass, OutputLimit, Peer, Service};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use wire::resp::{Protocol, encode_line, encode_push, encode_reply};

/// How often clients are looked at though nothing happens: for limits of time.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Who has so little to take is read from, however much waits for the others, in bytes.
const OUTPUT_ALWAYS: usize = 64 << 10;
/// Room for words, and bytes of the read buffer, that is kept from slice to slice.
const WORDS_KEPT_MAX: usize = 1024;
const BUFFER_BYTES: usize = 64 << 10;

/// The desk.
pub struct Desk {
    pub lane: LaneHandle,
    config: RespConfig,
    clients: RefCell<HashMap<ClientNumber, Rc<Client>>>,
    /// Those with something to write, each once.
    to_write: RefCell<Vec<Rc<Client>>>,
    /// Bytes that wait to be written to all of them.
    waiting_bytes: Cell<usize>,
    pub counts: Counts,
    /// For reading from sockets: one buffer for all connections.
    buffer: RefCell<BytesMut>,
    /// The words of the command at hand, kept for its capacity.
    words: RefCell<Vec<Bytes>>,
    /// Told when the first client has come.
    arrived: Notify,
}

/// What `/metrics` tells. Counts since the start.
#[derive(Default)]
pub struct Counts {
    connections: Cell<u64>,
    refused: Cell<u64>,
    pub commands: Cell<u64>,
    pub bytes_read: Cell<u64>,
    bytes_written: Cell<u64>,
    pub protocol_errors: Cell<u64>,
    over_limit: Cell<u64>,
    idle: Cell<u64>,
}

/// One more, or `by` more.
pub fn count(counter: &Cell<u64>, by: u64) {
    counter.set(counter.get() + by);
}

impl Desk {
    pub fn new(lane: LaneHandle, config: RespConfig) -> Desk {
        Desk {
            lane,
            config,
            clients: RefCell::default(),
            to_write: RefCell::default(),
            waiting_bytes: Cell::new(0),
            counts: Counts::default(),
            buffer: RefCell::new(BytesMut::with_capacity(BUFFER_BYTES)),
            words: RefCell::default(),
            arrived: Notify::new(),
        }
    }

    /// Takes a new connection, unless there are too many: it is told so then, and dropped.
    ///
    /// # Errors
    /// When the socket is gone already.
    pub fn connect(&self, stream: TcpStream) -> io::Result<Option<Rc<Client>>> {
        let (address, local_address) = (stream.peer_addr()?.to_string(), stream.local_addr()?.to_string());
        let peer = Peer { address, local_address, fd: u64::try_from(stream.as_raw_fd()).unwrap_or_default() };
        let connected = self.clients.borrow().len();
        let admitted = self.lane.with_service(|service, now| {
            (connected < service.limits().clients_max).then(|| (service.connect(&peer, now), now.unix_ms))
        });
        let Some((number, now_ms)) = admitted.flatten() else {
            count(&self.counts.refused, 1);
            let told = socket2::SockRef::from(&stream).send(b"-ERR max number of clients reached\r\n");
            return told.map(|_| None);
        };
        count(&self.counts.connections, 1);
        let client = Rc::new(Client::new(number, stream, now_ms));
        self.clients.borrow_mut().insert(number, client.clone());
        if connected == 0 {
            self.arrived.notify_one();
        }
        Ok(Some(client))
    }

    /// The connection has ended.
    pub fn disconnect(&self, client: &Client) {
        self.clients.borrow_mut().remove(&client.number);
        self.waiting_bytes.set(self.waiting_bytes.get() - client.drop_output());
        self.lane.with_service(|service, _| service.disconnect(client.number));
    }

    /// Writes what waits for a client whose socket may take something.
    pub fn write_to(&self, client: &Client) {
        let written = client.write();
        self.waiting_bytes.set(self.waiting_bytes.get() - written);
        count(&self.counts.bytes_written, written as u64);
    }

    /// Writes what waits for a client outside of a turn: what it is told of is kept first.
    pub fn write_between_turns(&self, client: &Client) {
        let is_kept = self.lane.with_service(|service, _| service.commit()).unwrap_or(true);
        if is_kept {
            return self.write_to(client);
        }
        self.to_write.borrow().iter().for_each(|client| self.give_up(client));
        self.give_up(client);
    }

    /// What waits for the client must not be told: it is not known to be kept.
    fn give_up(&self, client: &Client) {
        if client.waiting_bytes() > 0 && !client.is_aborted.get() {
            tracing::warn!(client = client.number, "closed: what it was to be answered could not be kept");
            client.abort();
        }
    }

    /// Whether the client is to take what there is for it before more of what it asks is carried out.
    pub fn is_behind(&self, client: &Client) -> bool {
        self.waiting_bytes.get() > self.config.output_total_bytes_max && client.waiting_bytes() > OUTPUT_ALWAYS
    }

    /// Lends the read buffer and the words. `call` must not lend them again, and leaves no part of the buffer alive that
    /// it can do without.
    pub fn with_buffers<R>(&self, call: impl FnOnce(&mut BytesMut, &mut Vec<Bytes>) -> R) -> R {
        let (mut buffer, mut words) = (self.buffer.borrow_mut(), self.words.borrow_mut());
        let result = call(&mut buffer, &mut words);
        buffer.clear();
        if buffer.capacity() != BUFFER_BYTES {
            *buffer = BytesMut::with_capacity(BUFFER_BYTES);
        }
        words.clear();
        words.shrink_to(WORDS_KEPT_MAX);
        result
    }

    /// Does what the service wants, for `current` as a rule; whether it was a reply to that client.
    pub fn obey(&self, output: ClientOutput, current: Option<&Rc<Client>>) -> bool {
        let (ClientOutput::Reply { client: number, .. }
        | ClientOutput::Push { client: number, .. }
        | ClientOutput::Line { client: number, .. }
        | ClientOutput::Protocol { client: number, .. }
        | ClientOutput::Close { client: number }) = output;
        match current.filter(|current| current.number == number) {
            Some(client) => self.obey_for(client, output),
            None => {
                let client = self.clients.borrow().get(&number).cloned();
                if let Some(client) = client {
                    // It may go on with what it sent while it waited.
                    if self.obey_for(&client, output) && client.is_paused.get() {
                        client.wake();
                    }
                }
                false
            }
        }
    }

    fn obey_for(&self, client: &Rc<Client>, output: ClientOutput) -> bool {
        let protocol = client.protocol.get();
        let (added, is_reply) = match output {
            ClientOutput::Reply { reply, .. } => (client.add(|out| encode_reply(&reply, protocol, out)), true),
            ClientOutput::Push { message, .. } => (client.add(|out| encode_push(&message, protocol, out)), false),
            ClientOutput::Line { text, .. } => (client.add(|out| encode_line(&text, out)), false),
            ClientOutput::Protocol { version, .. } => {
                client.protocol.set(if version == 3 { Protocol::Resp3 } else { Protocol::Resp2 });
                (0, false)
            }
            ClientOutput::Close { .. } => {
                client.close();
                (0, false)
            }
        };
        self.added(client, added);
        is_reply
    }

    /// The client has so much more to take: it is written to in this turn.
    pub fn added(&self, client: &Rc<Client>, bytes: usize) {
        self.waiting_bytes.set(self.waiting_bytes.get() + bytes);
        if bytes > 0 && !client.is_listed.replace(true) {
            self.to_write.borrow_mut().push(client.clone());
        }
    }

    /// Ends connections that have too much to take.
    pub fn check_output(&self, client: &Client, limits: &[OutputLimit; 3], class: OutputClass, now_ms: u64) {
        if client.is_over(limits[class as usize], now_ms) && !client.is_aborted.get() {
            count(&self.counts.over_limit, 1);
            tracing::warn!(
                client = client.number,
                bytes = client.waiting_bytes(),
                "closed: client-output-buffer-limit"
            );
            client.abort();
        }
    }

    /// Looks after all clients: who is idle for too long, over a soft limit, or has memory to give back.
    fn sweep(&self) {
        let clients: Vec<Rc<Client>> = self.clients.borrow().values().cloned().collect();
        self.lane.with_service(|service, now| {
            let limits = service.limits();
            for client in &clients {
                client.shrink();
                if client.is_paused.get() {
                    // What it waited for may be over without an answer: it wants none.
                    client.wake();
                }
                let class = service.class(client.number);
                self.check_output(client, &limits.output, class, now.unix_ms);
                let idle_ms = now.unix_ms.saturating_sub(client.heard_ms.get());
                let may_idle = class != OutputClass::Normal || service.is_waiting(client.number);
                if limits.idle_ms > 0 && idle_ms > limits.idle_ms && !may_idle {
                    count(&self.counts.idle, 1);
                    client.abort();
                }
            }
        });
    }
}

impl runtime::Desk for Desk {
    fn take_outputs(&self, service: &mut dyn Service) {
        service.take_outputs(&mut |output| _ = self.obey(output, None));
    }

    fn write(&self, service: &mut dyn Service, now_ms: u64) {
        let is_kept = service.commit();
        let mut to_write = std::mem::take(&mut *self.to_write.borrow_mut());
        for client in to_write.drain(..) {
            client.is_listed.set(false);
            if !is_kept {
                self.give_up(&client);
                continue;
            }
            if !client.is_blocked.get() {
                self.write_to(&client);
            }
            if client.is_blocked.get() {
                self.check_output(&client, &service.limits().output, service.class(client.number), now_ms);
            }
        }
        // Writing lists nobody, so the vector that comes back is the larger one.
        *self.to_write.borrow_mut() = to_write;
    }

    fn measures(&self) -> Vec<Measure> {
        let Counts { connections, refused, commands, bytes_read, bytes_written, protocol_errors, over_limit, idle } =
            &self.counts;
        let measure = |name, help, value| Measure { name, help, label: None, value };
        let of = |name, help, counter: &Cell<u64>| measure(name, help, counter.get());
        vec![
            measure("keywire_resp_clients", "Clients of the RESP port.", self.clients.borrow().len() as u64),
            measure(
                "keywire_resp_output_bytes",
                "Bytes that wait for clients of the RESP port.",
                self.waiting_bytes.get() as u64,
            ),
            of("keywire_resp_connections_total", "Connections taken on the RESP port.", connections),
            of("keywire_resp_refused_total", "Connections refused on the RESP port: too many clients.", refused),
            of("keywire_resp_commands_total", "Commands taken on the RESP port.", commands),
            of("keywire_resp_bytes_read_total", "Bytes read on the RESP port.", bytes_read),
            of("keywire_resp_bytes_written_total", "Bytes written on the RESP port.", bytes_written),
            of(
                "keywire_resp_protocol_errors_total",
                "Clients of the RESP port closed for what they sent.",
                protocol_errors,
            ),
            of(
                "keywire_resp_over_limit_total",
                "Clients of the RESP port closed for what waited for them.",
                over_limit,
            ),
            of("keywire_resp_idle_total", "Clients of the RESP port closed for their silence.", idle),
        ]
    }
}

/// Looks after the clients as long as there are any, and waits for the next one.
pub async fn sweep(desk: Rc<Desk>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        if desk.clients.borrow().is_empty() {
            desk.arrived.notified().await;
        }
        desk.sweep();
    }
}
