//! The sender: a thread of its own that sends each message at its intended time, whatever the crowd is busy with.
//!
//! A message that cannot be sent in time (the server does not read, or this machine is too busy) keeps its intended
//! time, so the delay counts as latency; how late messages left is told beside it.

use super::client::{Url, client_frame, closed, connect_error};
use super::{clock, handshake, tally};
use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wire::ws::{Decoder, Message, Opcode, Role};

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many messages a second, whatever happens.
    PerSecond(f64),
    /// As fast as deliveries come back: at most `lag` messages are under way, each to `fan` receivers.
    Max {
        /// Messages.
        lag: u64,
        /// Receivers of each.
        fan: f64,
    },
}

/// What to send, and when.
pub struct Plan {
    /// To whom.
    pub url: Url,
    /// When the first message is due ([`clock`]).
    pub start: u64,
    /// No message is due at or after this.
    pub end: u64,
    /// How fast.
    pub pace: Pace,
}

/// What was sent.
pub struct Sent {
    /// Messages that were due.
    pub due: u64,
    /// Messages that went out; fewer than due if the server stopped reading.
    pub messages: u64,
    /// How long after its intended time each went out, in nanoseconds.
    pub late: Histogram<u64>,
}

/// The running sender.
pub struct Pump {
    thread: JoinHandle<anyhow::Result<Sent>>,
    /// Deliveries (and losses told) so far; the crowd adds to it, [`Pace::Max`] goes by it.
    pub delivered: Arc<AtomicU64>,
}

impl Pump {
    /// Connects and starts. `make` appends the text of message number `k`, which is due at the time given.
    pub fn start<F>(plan: Plan, make: F) -> anyhow::Result<Pump>
    where
        F: FnMut(u64, u64, &mut Vec<u8>) + Send + 'static,
    {
        let delivered = Arc::new(AtomicU64::new(0));
        let connection =
            Connection::open(&plan.url).with_context(|| format!("the sender's connection to {}", plan.url))?;
        let mut sender = Sender { plan, make, connection, delivered: delivered.clone(), text: Vec::new() };
        let thread = thread::Builder::new().name("pump".into()).spawn(move || sender.run())?;
        Ok(Pump { thread, delivered })
    }

    /// Whether it has sent everything, or failed.
    pub fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end.
    pub fn join(self) -> anyhow::Result<Sent> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the sender's thread panicked"))?
    }
}

/// A sender that is so far behind gives up: the rest counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Without a delivery for so long, what is under way counts as lost and [`Pace::Max`] goes on.
const FORGIVE: Duration = Duration::from_secs(2);
/// Messages that are written by one call at most.
const BATCH: u64 = 512;

struct Sender<F> {
    plan: Plan,
    make: F,
    connection: Connection,
    delivered: Arc<AtomicU64>,
    text: Vec<u8>,
}

impl<F: FnMut(u64, u64, &mut Vec<u8>)> Sender<F> {
    fn run(&mut self) -> anyhow::Result<Sent> {
        thread::sleep(clock::until(self.plan.start));
        match self.plan.pace {
            Pace::PerSecond(rate) => self.open_loop(rate),
            Pace::Max { lag, fan } => self.closed_loop(lag, fan),
        }
    }

    fn open_loop(&mut self, rate: f64) -> anyhow::Result<Sent> {
        let (start, end) = (self.plan.start, self.plan.end);
        let due = due_before(start, end, rate);
        let mut sent = Sent { due, messages: 0, late: tally::histogram() };
        while sent.messages < due && clock::now() < end + clock::nanos(PATIENCE) {
            thread::sleep(clock::until(intended(start, sent.messages, rate)));
            let ready = due_before(start, clock::now(), rate).min(due).min(sent.messages + BATCH);
            for k in sent.messages..ready {
                self.add(k, intended(start, k, rate));
            }
            self.connection.flush()?;
            let now = clock::now();
            for k in sent.messages..ready {
                sent.late.saturating_record(now.saturating_sub(intended(start, k, rate)));
            }
            sent.messages = ready;
        }
        Ok(sent)
    }

    fn closed_loop(&mut self, lag: u64, fan: f64) -> anyhow::Result<Sent> {
        let mut sent = Sent { due: 0, messages: 0, late: tally::histogram() };
        let (mut seen, mut seen_at, mut forgiven) = (0, clock::now(), 0.0);
        while clock::now() < self.plan.end {
            let delivered = self.delivered.load(Ordering::Acquire);
            let now = clock::now();
            if delivered != seen {
                (seen, seen_at) = (delivered, now);
            } else if now - seen_at > clock::nanos(FORGIVE) {
                forgiven = sent.messages as f64 - delivered as f64 / fan;
                seen_at = now;
            }
            let back = (delivered as f64 / fan + forgiven) as u64;
            let ready = (back + lag).min(sent.messages + BATCH);
            if ready <= sent.messages {
                thread::sleep(Duration::from_micros(20));
                continue;
            }
            for k in sent.messages..ready {
                self.add(k, clock::now());
            }
            self.connection.flush()?;
            sent.messages = ready;
        }
        sent.due = sent.messages;
        Ok(sent)
    }

    fn add(&mut self, k: u64, intended: u64) {
        self.text.clear();
        (self.make)(k, intended, &mut self.text);
        client_frame(Opcode::Text, &self.text, &mut self.connection.out);
    }
}

/// When message number `k` is due.
pub fn intended(start: u64, k: u64, rate: f64) -> u64 {
    start + (k as f64 * 1e9 / rate) as u64
}

/// How many messages are due before `end`.
fn due_before(start: u64, end: u64, rate: f64) -> u64 {
    let guess = (end.saturating_sub(start) as f64 * rate / 1e9) as u64;
    (guess.saturating_sub(1)..).find(|k| intended(start, *k, rate) >= end).unwrap_or(guess)
}

/// A blocking connection that writes much and reads little.
struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    out: Vec<u8>,
    looked: u64,
}

impl Connection {
    fn open(url: &Url) -> anyhow::Result<Connection> {
        const TIMEOUT: Duration = Duration::from_secs(20);
        let mut stream = TcpStream::connect_timeout(&url.address, TIMEOUT).map_err(|error| connect_error(&error))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(PATIENCE * 2))?;
        stream.write_all(&handshake::request(&url.host, &url.path))?;
        let (mut answer, mut chunk) = (Vec::new(), [0; 1024]);
        let end = loop {
            let n = stream.read(&mut chunk)?;
            ensure!(n > 0, "the server closed the connection during the handshake");
            answer.extend_from_slice(&chunk[..n]);
            if let Some(end) = handshake::accepted(&answer)? {
                break end;
            }
        };
        let mut connection = Connection { stream, decoder: Decoder::new(Role::Client), out: Vec::new(), looked: 0 };
        connection.heard(&mut answer[end..])?;
        Ok(connection)
    }

    /// Writes what is there, and now and then looks at what the server has to say.
    fn flush(&mut self) -> anyhow::Result<()> {
        const LOOK_EVERY: u64 = 50_000_000;
        if clock::now() - self.looked > LOOK_EVERY {
            self.looked = clock::now();
            self.look()?;
        }
        self.stream.write_all(&self.out).context("the server does not read what the sender sends")?;
        self.out.clear();
        Ok(())
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.stream.set_nonblocking(true)?;
        let mut chunk = [0; 16 << 10];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => bail!("the server closed the sender's connection"),
                Ok(n) => self.heard(&mut chunk[..n])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.stream.set_nonblocking(false)?)
    }

    fn heard(&mut self, mut bytes: &mut [u8]) -> anyhow::Result<()> {
        while let Some(message) = self.decoder.decode(&mut bytes, usize::MAX)? {
            match message {
                Message::Ping(payload) => client_frame(Opcode::Pong, payload, &mut self.out),
                Message::Close { code, reason } => bail!("the sender: {}", closed(code, reason)),
                Message::Text(text) if text.starts_with("{\"error\"") => {
                    bail!("the server refuses what the sender sends: {text}")
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_due_as_have_an_intended_time_before_the_end() {
        for (rate, ns) in [(20.0, 6_000_000_000), (3.0, 1_000_000_000), (333.0, 1_000_000), (1e6, 10_000)] {
            let due = due_before(7, 7 + ns, rate);
            assert!(intended(7, due, rate) >= 7 + ns, "{rate}");
            assert!(due == 0 || intended(7, due - 1, rate) < 7 + ns, "{rate}");
        }
        assert_eq!(due_before(0, 6_000_000_000, 20.0), 120);
        assert_eq!(due_before(5, 5, 20.0), 0);
    }
}
