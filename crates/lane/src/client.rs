//! The side of a lane that has clients: requests in, replies and frames out.

use crate::event::Output;
use crate::lane::{Client, Lane, Pending};
use crate::liveness::Finding;
use crate::mail::{Mail, Open, Opened};
use crate::slow::Asked;
use bytes::Bytes;
use hub::Class;
use model::backend::BackendRequest;
use model::error::{TOOBIG, TOOMANY};
use model::request::{Hello, Opening};
use model::{
    CloseCode, ConnId, Error, FeedEvent, FeedId, Format, LaneId, Limits, Reply, Request, Response, Ticket, Time, Value,
    Verb,
};
use session::RateLimit;
use wire::Encoded;

impl Lane {
    pub(crate) fn greet(&mut self, conn: ConnId) {
        let Some(client) = self.client(conn) else { return };
        let limits = &self.config.limits;
        let hello = Hello {
            version: env!("CARGO_PKG_VERSION"),
            node: self.config.node.as_ref().into(),
            user: client.session.user().cloned(),
            expires: client.session.expires(),
            ping_interval_ms: limits.ping_interval_ms,
            reconnect_ms: limits.reconnect_ms,
            message_bytes_max: limits.message_bytes_max,
            feeds_max: limits.feeds_max,
            requests_per_second_max: limits.requests_per_second_max,
        };
        self.answer(conn, &Response::Hello(hello), &mut Vec::new());
    }

    pub(crate) fn handle_heard(&mut self, conn: ConnId, whole: bool, partial: bool, now: Time) {
        if let Some(client) = self.client_mut(conn)
            && !client.is_closing
        {
            client.liveness.heard(whole, partial, now);
        }
    }

    pub(crate) fn handle_request(&mut self, conn: ConnId, request: Request, now: Time, out: &mut Vec<Output>) {
        let mut outputs = std::mem::take(&mut self.session_outputs);
        if let Some(client) = self.client_mut(conn)
            && !client.is_closing
        {
            if let (Some(replies), Some(id), Verb::Command(_)) = (&mut client.replies, request.id, &request.verb) {
                replies.expect(id);
            }
            client.session.handle_request(request, now, &mut outputs);
            let over_rate = client.session.take_over_rate();
            self.counters.requests += 1;
            self.count_over_rate(over_rate);
        }
        for output in outputs.drain(..) {
            self.handle_session(conn, output, now, out);
        }
        self.session_outputs = outputs;
    }

    pub(crate) fn handle_rejected(
        &mut self,
        conn: ConnId,
        id: Option<u64>,
        error: Error,
        now: Time,
        out: &mut Vec<Output>,
    ) {
        self.counters.rejected += 1;
        let Some(client) = self.client_mut(conn) else { return };
        // What is no request costs as much as one.
        let error = client.session.handle_rejected(now).err().unwrap_or(error);
        let over_rate = client.session.take_over_rate();
        if let (Some(id), Some(replies)) = (id, &mut client.replies) {
            replies.expect(id);
        }
        self.count_over_rate(over_rate);
        self.answer(conn, &Response::Error { id, error }, out);
    }

    fn count_over_rate(&mut self, limit: Option<RateLimit>) {
        if let Some(limit) = limit {
            self.counters.over_rate[limit as usize] += 1;
        }
    }

    pub(crate) fn handle_disconnected(&mut self, conn: ConnId) {
        if self.client(conn).is_none() {
            return;
        }
        let mut left = Vec::new();
        self.hub.remove_client(conn, |feed, format| left.push((feed, format)));
        for (feed, format) in left {
            self.leave(feed, format);
        }
        self.clients[conn.slot as usize] = None;
        while self.clients.last().is_some_and(Option::is_none) {
            self.clients.pop();
        }
    }

    pub(crate) fn handle_session(&mut self, conn: ConnId, output: session::Output, now: Time, out: &mut Vec<Output>) {
        match output {
            session::Output::Answer(response) => self.answer(conn, &response, out),
            session::Output::Command { id, command, large } => {
                let ticket = self.ticket(conn, id, command.first().cloned().unwrap_or_default(), large);
                out.push(Output::Backend(BackendRequest::Command { ticket, command }));
            }
            session::Output::Transaction { id, commands } => {
                let ticket = self.ticket(conn, Some(id), Bytes::from_static(b"MULTI"), true);
                out.push(Output::Backend(BackendRequest::Transaction { ticket, commands }));
            }
            session::Output::Open { id, key, have, from, fresh } => {
                let Some(client) = self.client(conn) else { return };
                let (format, home) = (client.format, self.home_of_topic(&key.topic));
                let bytes = key.topic.home_name().len();
                let mail = Mail::Open(Open { conn, id, format, key, have, from, fresh });
                self.send(home, FeedId(0), format, mail, bytes);
            }
            session::Output::CloseFeed { id, feed } => {
                let Some(format) = self.client(conn).map(|c| c.format) else { return };
                if self.hub.unsubscribe(conn, feed, format) {
                    self.leave(feed, format);
                }
                self.answer(conn, &Response::Result { id, value: Value::Str(Bytes::from_static(b"OK")) }, out);
            }
            session::Output::Authenticate { id, token } => out.push(Output::Authenticate { conn, id, token }),
            session::Output::Recheck => {
                let feeds: Vec<FeedId> = self.client(conn).into_iter().flat_map(|c| c.session.feeds()).collect();
                feeds.into_iter().for_each(|feed| self.ask_topic(conn, feed));
            }
            session::Output::Forbid { feed, error } => self.forbid(conn, feed, error, now, out),
            session::Output::End(code) => self.close(conn, code, now, out),
        }
    }

    fn ticket(&mut self, conn: ConnId, id: Option<u64>, name: Bytes, large: bool) -> Ticket {
        if let Some(client) = self.client_mut(conn) {
            client.large_under_way += u32::from(large);
        }
        self.next_ticket += 1;
        self.counters.commands += 1;
        let ticket = Ticket(self.next_ticket);
        self.pending.insert(ticket, Pending { conn, id, large, asked: Asked { since: self.now, name } });
        ticket
    }

    pub(crate) fn handle_reply(&mut self, ticket: Ticket, reply: Reply, out: &mut Vec<Output>) {
        let Some(Pending { conn, id, large, asked }) = self.pending.remove(&ticket) else { return };
        self.note_command(conn, &asked);
        let was_full = !self.wants_input(conn);
        let Some(client) = self.client_mut(conn) else { return };
        client.session.handle_answered(id);
        client.large_under_way -= u32::from(large);
        client.replied(reply.size());
        if was_full && self.wants_input(conn) {
            out.push(Output::Resume { conn });
        }
        let Some(id) = id else { return };
        let response = match reply.as_error() {
            Some(error) => Response::Error { id: Some(id), error },
            None if reply.size() > self.config.limits.value_bytes_max => too_big(id),
            None => Response::Result { id, value: Value::from_reply(reply) },
        };
        self.answer(conn, &response, out);
    }

    /// Letters of the second group of [`Mail`], and those of the first for the topics here.
    pub(crate) fn handle_mail(&mut self, from: LaneId, mail: Mail, now: Time, out: &mut Vec<Output>) {
        match mail {
            Mail::Open(open) => self.handle_open(from, open, now, out),
            Mail::Leave { feed, format } => self.handle_leave(from, feed, format, now, out),
            Mail::Resync { conn, feed, format } => self.handle_resync(from, conn, feed, format, out),
            Mail::CatchUp { conn, feed, format, after } => {
                self.handle_catch_up(from, conn, feed, format, after, now, out);
            }
            Mail::AskTopic { conn, feed, format } => {
                if let Some(topic) = self.live.topic(feed) {
                    self.send(from, feed, format, Mail::Topic { conn, feed, topic }, 0);
                }
            }
            Mail::Opened(opened) => self.handle_opened(opened, out),
            Mail::Topic { conn, feed, topic } => self.handle_topic(conn, feed, &topic, now, out),
            Mail::Refused { conn, id, error } => {
                if let Some(client) = self.client_mut(conn) {
                    client.session.handle_refused(id);
                    self.answer(conn, &Response::Error { id: Some(id), error }, out);
                }
            }
            Mail::Frame { feed, format, frame, end } => self.hub.publish(feed, format, frame, end),
            Mail::MustFrame { feed, format, frame } => self.hub.publish_must(feed, format, &frame),
            Mail::Resynced { conn, feed, format, frame } => self.hub.resynced(conn, feed, format, frame),
            Mail::CaughtUp { conn, feed, format, answer } => self.hub.caught_up(conn, feed, format, answer),
            Mail::Ended { feed, format } => {
                let mut heard = Vec::new();
                self.hub.end_feed(feed, format, |conn| heard.push(conn));
                heard.into_iter().for_each(|conn| self.forget_feed(conn, feed));
            }
            Mail::Missed { feed, format, count } => self.hub.add_missed(feed, format, count),
            Mail::AllBehind { feed, format } => self.hub.set_all_behind(feed, format),
            Mail::CloseAll { feed, format, code } => {
                let heard: Vec<ConnId> = self.hub.subscribers(feed, format).collect();
                heard.into_iter().for_each(|conn| self.close(conn, code, now, out));
            }
            Mail::CloseOne { conn, code } => self.close(conn, code, now, out),
        }
    }

    fn handle_opened(&mut self, opened: Opened, out: &mut Vec<Output>) {
        let Opened { conn, id, feed, format, class, place, stale, reply } = opened;
        let Some(client) = self.client_mut(conn).filter(|c| !c.is_closing) else {
            return self.leave(feed, format);
        };
        client.replied(reply.len());
        match client.session.handle_opened(id, feed) {
            session::Joined::New => {
                self.hub.send(conn, reply);
                self.hub.subscribe(conn, feed, format, class, place);
            }
            session::Joined::Already => {
                match self.hub.position(conn, feed, format).filter(|_| class == Class::Entries) {
                    // The feed goes on where it is, wherever this request wanted to begin.
                    Some(from) => {
                        let state = Opening::Stream { from };
                        self.answer(conn, &Response::Opened { id, feed, state, stale }, out);
                    }
                    None => self.hub.rejoined(conn, feed, format, reply),
                }
                self.leave(feed, format);
            }
            session::Joined::Over(error) => {
                self.answer(conn, &Response::Error { id: Some(id), error }, out);
                self.leave(feed, format);
            }
        }
        if self.client(conn).is_some_and(|client| client.session.wants_recheck()) {
            self.ask_topic(conn, feed);
        }
    }

    /// Tells the feed's home that one client of this lane hears it no more.
    pub(crate) fn leave(&mut self, feed: FeedId, format: Format) {
        self.send(self.home_of_feed(feed), feed, format, Mail::Leave { feed, format }, 0);
    }

    fn forget_feed(&mut self, conn: ConnId, feed: FeedId) {
        if let Some(client) = self.client_mut(conn) {
            client.session.handle_feed_closed(feed);
        }
    }

    /// Queues a response for the client in its format.
    pub(crate) fn answer(&mut self, conn: ConnId, response: &Response, out: &mut Vec<Output>) {
        let Some(client) = self.client(conn) else { return };
        let format = client.format;
        if let Response::Error { error, .. } = response {
            self.note_error(conn, error);
        }
        if let (Format::Sse, Response::Error { error, .. }) = (format, response) {
            return out.push(Output::Refused { conn, error: error.clone() });
        }
        self.buffer.clear();
        if wire::encode_response(format, response, &mut self.buffer) != Encoded::Frame {
            return;
        }
        if self.buffer.len() > self.config.limits.value_bytes_max
            && let Response::Result { id, .. } = response
        {
            return self.answer(conn, &too_big(*id), out);
        }
        // Before it is compressed: what is refused in numbers must not cost much.
        if !self.has_room_for(conn, self.buffer.len())
            && let Response::Result { id, .. } = response
        {
            return self.answer(conn, &no_room(*id), out);
        }
        let frame = self.compressed(format, Bytes::copy_from_slice(&self.buffer));
        self.buffer.shrink_to(64 << 10);
        let Lane { hub, clients, .. } = self;
        let replies = clients[conn.slot as usize].as_mut().and_then(|client| client.replies.as_mut());
        match (replies, id_of(response)) {
            (Some(replies), Some(id)) => replies.answer(id, frame, |frame| hub.send(conn, frame)),
            _ => hub.send(conn, frame),
        }
    }

    /// Whether a reply of so many bytes goes beside those the client has not read yet. Those that nobody could know to be
    /// large before they were there must not end the connection; a little of the outbox is kept to say so, yet two of the
    /// largest always fit.
    fn has_room_for(&self, conn: ConnId, bytes: usize) -> bool {
        let Some(client) = self.client(conn) else { return true };
        // The door of HTTP takes replies as they come, and counts them itself.
        let queued = if client.format == Format::Http { 0 } else { self.hub.queued_replies_bytes(conn) };
        let unread = queued + client.replies.as_ref().map_or(0, |replies| replies.bytes());
        /// What the refusal itself takes.
        const SMALL_BYTES: usize = 256;
        let Limits { outbox_bytes_max, value_bytes_max, .. } = self.config.limits;
        let kept = (outbox_bytes_max / 16).min(outbox_bytes_max.saturating_sub(2 * value_bytes_max));
        bytes <= SMALL_BYTES || unread == 0 || unread + bytes <= outbox_bytes_max - kept
    }

    /// Looks at every client: pings, overdue frames, sessions whose time is over.
    pub(crate) fn sweep(&mut self, now: Time, out: &mut Vec<Output>) {
        for slot in 0..self.clients.len() {
            let Some(client) = &mut self.clients[slot] else { continue };
            let (conn, format) = (client.conn, client.format);
            match client.liveness.sweep(&self.config.limits, answers_pings(format), now) {
                Finding::Fine => {}
                Finding::Ping => self.hub.send(conn, ping_frame(format)),
                Finding::Gone if client.is_closing => out.push(Output::Abort { conn }),
                Finding::Gone => self.close(conn, CloseCode::Policy, now, out),
            }
            self.session_timeout(slot, now, out);
        }
    }

    fn session_timeout(&mut self, slot: usize, now: Time, out: &mut Vec<Output>) {
        let Some(Client { conn, session, .. }) = self.clients[slot].as_deref_mut() else { return };
        if session.next_timeout().is_none_or(|at| at > now) {
            return;
        }
        let (conn, mut outputs) = (*conn, std::mem::take(&mut self.session_outputs));
        session.handle_timeout(now, &mut outputs);
        for output in outputs.drain(..) {
            self.handle_session(conn, output, now, out);
        }
        self.session_outputs = outputs;
    }
}

impl Client {
    /// What to expect of a client's first replies: large ones, so that there are two at once.
    pub(crate) fn first_reply_bytes(limits: &Limits) -> usize {
        limits.outbox_bytes_max / 4
    }

    fn replied(&mut self, bytes: usize) {
        let fall = self.reply_bytes.saturating_sub(bytes).div_ceil(16);
        self.reply_bytes = bytes.max(self.reply_bytes - fall);
    }
}

/// The request that a response answers.
fn id_of(response: &Response) -> Option<u64> {
    match response {
        Response::Hello(_) => None,
        Response::Result { id, .. } | Response::Pong { id, .. } | Response::Opened { id, .. } => Some(*id),
        Response::Error { id, .. } => *id,
    }
}

fn answers_pings(format: Format) -> bool {
    format.is_websocket()
}

/// What keeps a silent connection known to be alive.
fn ping_frame(format: Format) -> Bytes {
    let mut frame = Vec::new();
    match format.plain() {
        Format::Sse => wire::sse::ping(&mut frame),
        Format::Http => {}
        _ => wire::ws::ping(b"", &mut frame),
    }
    frame.into()
}

fn too_big(id: u64) -> Response {
    let message = "the reply is over value_bytes_max; ask for less of it";
    Response::Error { id: Some(id), error: Error::new(TOOBIG, message) }
}

fn no_room(id: u64) -> Response {
    let message = "carried out, but the reply finds no room in outbox_bytes_max beside those not read yet; \
                   wait for replies before asking for more";
    Response::Error { id: Some(id), error: Error::new(TOOMANY, message) }
}

/// The last frame of a connection; none where the format has no such thing.
pub(crate) fn close_frame(format: Format, code: CloseCode) -> Option<Bytes> {
    format.is_websocket().then(|| {
        let mut frame = Vec::new();
        wire::ws::close(code, code.reason(), &mut frame);
        frame.into()
    })
}

/// Told to the hub: how a loss is written in each format.
pub(crate) fn tell_missed(format: Format, feed: FeedId, missed: u64) -> Result<Bytes, CloseCode> {
    let mut frame = Vec::new();
    match wire::encode_event(format, feed, &FeedEvent::Missed(Some(missed)), &mut frame) {
        Encoded::Close(code) => Err(code),
        Encoded::Frame | Encoded::Nothing => Ok(frame.into()),
    }
}
