//! The task of one connection: waits for input or room, and has commands carried out, a slice at a time.

use super::client::Client;
use super::desk::{Desk, count};
use bytes::{BufMut, Bytes, BytesMut};
use model::Reply;
use runtime::{ClientLimits, Moment, Service};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::Interest;
use wire::resp::{RequestDecoder, RequestLimits, encode_reply};

/// What is read at once while requests are small: what is in it runs without a pause.
const READ_BYTES: usize = 16 << 10;
/// What is read at once of a large argument.
const READ_LARGE_BYTES: usize = 63 << 10;
/// Commands of one client before others have their turn …
const SLICE_COMMANDS: usize = 512;
/// … and bytes of replies.
const SLICE_OUTPUT_BYTES: usize = 256 << 10;
/// What a client may send ahead while it waits for an answer; then it is not read from.
const HELD_BYTES_MAX: usize = 1 << 20;
/// How long a connection that is to be closed may take for what there is for it.
const GOODBYE: Duration = Duration::from_secs(2);

/// Serves the connection to its end.
pub async fn run(client: Rc<Client>, desk: Rc<Desk>) {
    let decoder = RequestDecoder::new(RequestLimits::default());
    let connected = Connected { client: client.clone(), desk: desk.clone() };
    let mut connection = Connection { client, desk, decoder, held: Bytes::new(), reads_large: false };
    connection.serve().await;
    if connection.client.is_closing.get() && !connection.client.is_aborted.get() {
        // Whoever does not take its last words in time goes without them.
        let _ = tokio::time::timeout(GOODBYE, connection.say_goodbye()).await;
    }
    connected.end();
}

/// A client that is to be disconnected in every case: if its task panics it would wait for ever.
struct Connected {
    client: Rc<Client>,
    desk: Rc<Desk>,
}

impl Connected {
    fn end(self) {
        self.desk.disconnect(&self.client);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        tracing::error!(client = self.client.number, "closed: a command of it ended in a panic");
        // Others may hold the client for a while: its socket ends now.
        self.client.abort();
        let _ = socket2::SockRef::from(&self.client.stream).shutdown(Shutdown::Both);
        // In a task of its own, since a second panic on the way out of the first would end the process.
        let (client, desk) = (self.client.clone(), self.desk.clone());
        tokio::task::spawn_local(async move { desk.disconnect(&client) });
    }
}

struct Connection {
    client: Rc<Client>,
    desk: Rc<Desk>,
    decoder: RequestDecoder,
    /// What was read and not decoded: the beginning of a line, or what is to wait.
    held: Bytes,
    /// The last read was full and ended within a large argument.
    reads_large: bool,
}

/// What the task was woken for.
enum Ready {
    Input,
    /// What was held may go on.
    Held,
    Room,
    /// The connection is to end.
    End,
}

/// What a read brought, and whether more of it is held that may go on.
enum Read {
    Some(bool),
    /// As much as was asked for: there is more in the socket, as a rule.
    Full(bool),
    End,
}

/// Why a slice ended.
#[derive(PartialEq, Eq)]
enum Slice {
    /// All that came was decoded.
    Done,
    /// There is more: others have their turn first.
    More,
    /// The client waits, or has to take something first.
    Wait,
}

impl Connection {
    async fn serve(&mut self) {
        // Bytes are held that may be decoded without reading any.
        let mut has_more = false;
        loop {
            match poll_fn(|cx| self.poll_ready(has_more, cx)).await {
                Ready::Held => has_more = self.slice_of_held(),
                Ready::Room => self.desk.write_between_turns(&self.client),
                Ready::End => return,
                Ready::Input => match self.read() {
                    Read::End => {
                        // What was answered already goes out, as far as the socket takes it.
                        self.desk.write_between_turns(&self.client);
                        return;
                    }
                    Read::Full(more) => {
                        has_more = more;
                        // A client that sends without a pause takes its turns as the others do.
                        tokio::task::yield_now().await;
                    }
                    Read::Some(more) => has_more = more,
                },
            }
            if has_more {
                tokio::task::yield_now().await;
            }
        }
    }

    fn poll_ready(&self, has_more: bool, cx: &mut Context<'_>) -> Poll<Ready> {
        let client = &self.client;
        if client.is_aborted.get() || client.is_closing.get() {
            return Poll::Ready(Ready::End);
        }
        if client.is_blocked.get() && client.stream.poll_write_ready(cx).is_ready() {
            return Poll::Ready(Ready::Room);
        }
        let is_behind = self.desk.is_behind(client);
        if has_more && !is_behind && !client.is_paused.get() {
            return Poll::Ready(Ready::Held);
        }
        if client.is_paused.get() && !is_behind && !self.is_waiting() {
            client.is_paused.set(false);
            return Poll::Ready(Ready::Held);
        }
        if is_behind {
            client.is_paused.set(true);
        }
        // Who waits is read from all the same: an end must be noticed.
        let reads = !is_behind && self.held.len() < HELD_BYTES_MAX;
        client.set_waker(cx.waker());
        if reads && client.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(Ready::Input);
        }
        Poll::Pending
    }

    fn is_waiting(&self) -> bool {
        let number = self.client.number;
        self.desk.lane.with_service(|service, _| service.is_waiting(number)).unwrap_or(false)
    }

    /// Reads what is there, up to a slice, and carries it out.
    fn read(&mut self) -> Read {
        let desk = self.desk.clone();
        desk.with_buffers(|buffer, words| {
            let (held, at_once) = (self.held.len(), if self.reads_large { READ_LARGE_BYTES } else { READ_BYTES });
            buffer.extend_from_slice(&self.held);
            // Less room would be taken for an empty socket below.
            buffer.reserve(at_once);
            let room = &mut (&mut *buffer).limit(at_once);
            let count = match self.client.stream.try_read_buf(room) {
                Ok(0) => return Read::End,
                Ok(count) => count,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    return Read::Some(false);
                }
                Err(_) => return Read::End,
            };
            if count < at_once {
                // The socket is empty: saying so saves the read that would only find that out.
                self.client.not_ready(Interest::READABLE);
            }
            debug_assert_eq!(buffer.len(), held + count);
            super::desk::count(&self.desk.counts.bytes_read, count as u64);
            let more = self.slice(buffer, words) == Slice::More;
            self.reads_large = count == at_once && self.decoder.is_mid_request();
            if count == at_once { Read::Full(more) } else { Read::Some(more) }
        })
    }

    /// Goes on with what was held; whether there is still more.
    fn slice_of_held(&mut self) -> bool {
        let desk = self.desk.clone();
        desk.with_buffers(|buffer, words| {
            buffer.extend_from_slice(&self.held);
            self.slice(buffer, words) == Slice::More
        })
    }

    /// Carries out what is in the buffer, and holds what is left of it.
    fn slice(&mut self, buffer: &mut BytesMut, words: &mut Vec<Bytes>) -> Slice {
        let whole = std::mem::take(buffer).freeze();
        let mut input = whole.clone();
        let desk = self.desk.clone();
        let slice = desk.lane.with_service(|service, now| self.carry_out(&mut input, words, service, now));
        words.clear();
        self.held = if input.is_empty() { Bytes::new() } else { Bytes::copy_from_slice(&input) };
        drop(input);
        // As a rule nobody kept a part of it.
        if let Ok(unique) = whole.try_into_mut() {
            *buffer = unique;
        }
        slice.unwrap_or(Slice::Wait)
    }

    fn carry_out(
        &mut self,
        input: &mut Bytes,
        words: &mut Vec<Bytes>,
        service: &mut dyn Service,
        now: Moment,
    ) -> Slice {
        let (client, desk) = (self.client.clone(), self.desk.clone());
        client.heard_ms.set(now.unix_ms);
        self.decoder.set_limits(request_limits(&service.limits()));
        let mut is_authenticated = service.is_authenticated(client.number);
        let begun = client.waiting_bytes();
        for _ in 0..SLICE_COMMANDS {
            if client.is_paused.get() {
                return Slice::Wait;
            }
            self.decoder.set_authenticated(is_authenticated);
            match self.decoder.decode_shared(input, words) {
                Ok(true) if is_from_browser(words) => return self.refuse(None),
                Ok(true) => {}
                Ok(false) => return Slice::Done,
                Err(error) => return self.refuse(Some(error.reply())),
            }
            count(&desk.counts.commands, 1);
            let mut is_answered = false;
            service.command(client.number, words, now, &mut |output| is_answered |= desk.obey(output, Some(&client)));
            if client.is_closing.get() {
                *input = Bytes::new();
                return Slice::Done;
            }
            if !is_answered {
                client.is_paused.set(service.is_waiting(client.number));
            }
            is_authenticated = is_authenticated || service.is_authenticated(client.number);
            if client.waiting_bytes() - begun > SLICE_OUTPUT_BYTES {
                break;
            }
        }
        if input.is_empty() && !client.is_paused.get() { Slice::Done } else { Slice::More }
    }

    /// The client broke the protocol, or is none: it is told the error, and closed.
    fn refuse(&self, error: Option<Reply>) -> Slice {
        count(&self.desk.counts.protocol_errors, 1);
        if let Some(reply) = error {
            let protocol = self.client.protocol.get();
            let added = self.client.add(|out| encode_reply(&reply, protocol, out));
            self.desk.added(&self.client, added);
        } else {
            tracing::warn!(client = self.client.number, "closed: HTTP on the RESP port, perhaps a page in a browser");
        }
        self.client.close();
        Slice::Done
    }

    /// Gives the client what there is for it, and lets it close first: closing with unread bytes would be a reset, and
    /// could take the last words with it.
    async fn say_goodbye(&self) {
        let client = &self.client;
        while client.waiting_bytes() > 0 && !client.is_aborted.get() {
            if client.stream.writable().await.is_err() {
                return;
            }
            self.desk.write_between_turns(client);
        }
        if socket2::SockRef::from(&client.stream).shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut dropped = [0; 4096];
        while client.stream.readable().await.is_ok() {
            match client.stream.try_read(&mut dropped) {
                Ok(0) => return,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
    }
}

fn request_limits(limits: &ClientLimits) -> RequestLimits {
    RequestLimits {
        bulk_bytes_max: limits.bulk_bytes_max,
        request_bytes_max: limits.query_bytes_max,
        ..RequestLimits::default()
    }
}

/// Whether this is the beginning of an HTTP request: a page in a browser may send one to any port, with commands as its
/// body.
fn is_from_browser(words: &[Bytes]) -> bool {
    let name = &words[0];
    matches!(name.len(), 4 | 5) && (name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:"))
}
