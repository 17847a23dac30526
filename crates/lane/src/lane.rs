//! The composition: which event goes to which machine, and what becomes of their outputs.
//!
//! `client.rs` is the side of a lane that has clients, `home.rs` the side that has topics. They speak by [`Mail`] even
//! within one lane, so that a client and a topic on the same lane behave as those on different ones.

use crate::event::{Event, Output};
use crate::home::Home;
use crate::link::Link;
use crate::liveness::{self, Liveness};
use crate::mail::Mail;
use crate::notice::Notice;
use crate::replies::Replies;
use crate::slow::{Asked, Watch};
use ahash::AHashMap;
use hub::{Class, Hub};
use live::Live;
use model::backend::BackendEvent;
use model::{CloseCode, ConnId, FeedId, Format, LaneId, Limits, Ticket, Time, Topic};
use session::{Allowance, Grant, RateLimit, Revoked, Session};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use wire::ws::{Deflate, DeflateCounters, Deflater, Inflater};

/// What a lane is made with.
#[derive(Clone)]
pub struct Config {
    /// Which lane this is.
    pub id: LaneId,
    /// How many lanes the node has.
    pub lanes: u16,
    /// The node's name, told in `hello`.
    pub node: Arc<str>,
    /// The node's limits; what is counted for the whole node is divided by `lanes`.
    pub limits: Limits,
    /// The rules of clients.
    pub session: Rc<session::Config>,
    /// Nobody is let in by a token before [`Event::Revoked`] has come once.
    pub awaits_revoked: bool,
    /// What is compressed for clients that agreed to it.
    pub deflate: Deflate,
    /// What tokens give is of this generation of the settings: see [`Grant::generation`].
    pub generation: u32,
}

/// Plain numbers of one lane, summed over lanes by whoever shows them.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counters {
    /// Clients now.
    pub clients: u64,
    /// Bytes queued for clients now.
    pub outbox_bytes: u64,
    /// Bytes queued for other lanes now.
    pub link_bytes: u64,
    /// Requests taken.
    pub requests: u64,
    /// Texts that were no request.
    pub rejected: u64,
    /// Commands and transactions sent to the backend.
    pub commands: u64,
    /// Frames encoded: one per event, feed and format, however many hear it.
    pub frames_encoded: u64,
    /// Connections ended by this lane, for whatever reason.
    pub closed: u64,
    /// The same by [`CloseCode::index`].
    pub closed_by: [u64; CloseCode::ALL.len()],
    /// Requests answered by an error: by the place of its code in [`model::error::OWN`], then all others.
    pub errors_by: [u64; model::error::OWN.len() + 1],
    /// What was compressed for clients.
    pub deflate: DeflateCounters,
    /// Messages of clients that came compressed.
    pub inflated: u64,
    /// Feeds now whose clients are told that they may be old.
    pub stale_feeds: u64,
    /// Requests over a rate, by the place of the limit in [`RateLimit::ALL`].
    pub over_rate: [u64; RateLimit::ALL.len()],
    /// Clients' commands that the backend took long for.
    pub slow_commands: u64,
    /// Reads that it took long for.
    pub slow_reads: u64,
    /// The hub's.
    pub hub: hub::Counters,
    /// The live queries', channels' and streams'.
    pub live: live::Counters,
}

/// One lane. See the crate's documentation for how it is driven.
pub struct Lane {
    pub(crate) config: Config,
    pub(crate) hub: Hub,
    pub(crate) live: Live,
    pub(crate) home: Home,
    /// By slot, as the hub numbers them; boxed, so that the table's growth copies little and wastes little.
    pub(crate) clients: Vec<Option<Box<Client>>>,
    /// Commands at the backend.
    pub(crate) pending: AHashMap<Ticket, Pending>,
    pub(crate) next_ticket: u64,
    /// By lane; the one to this lane itself stays empty.
    links: Vec<Link>,
    /// Mail of this lane to itself.
    local: VecDeque<Mail>,
    /// When the clients are looked at next; none without clients.
    next_sweep: Option<Time>,
    /// Who is let in no more; none before it was told.
    pub(crate) revoked: Option<Arc<Revoked>>,
    /// Compresses frames for all clients.
    pub(crate) deflater: Deflater,
    /// Decompresses messages of all clients; made when one is lent for the first time.
    inflater: Option<Box<Inflater>>,
    /// The moment of the event at hand.
    pub(crate) now: Time,
    pub(crate) slow: Watch,
    pub(crate) counters: Counters,
    /// To be told to whoever keeps a log.
    pub(crate) notices: Vec<Notice>,
    /// Kept for their capacity.
    pub(crate) session_outputs: Vec<session::Output>,
    pub(crate) live_outputs: Vec<live::Output>,
    pub(crate) buffer: Vec<u8>,
}

/// A client's side that is not the hub's.
pub(crate) struct Client {
    pub conn: ConnId,
    pub format: Format,
    pub session: Session,
    pub liveness: Liveness,
    /// Its close frame is queued: it asks nothing any more.
    pub is_closing: bool,
    /// About how many bytes its next reply has: quick to rise, slow to fall.
    pub reply_bytes: usize,
    /// Commands under way whose replies may be as large as what they read.
    pub large_under_way: u32,
    /// Replies go in the order of the requests (formats whose replies have no id).
    pub replies: Option<Box<Replies>>,
}

/// Whom a command's reply is for.
pub(crate) struct Pending {
    pub conn: ConnId,
    /// None: it wants no answer.
    pub id: Option<u64>,
    /// Its reply may be large.
    pub large: bool,
    /// What was asked, and when.
    pub asked: Asked,
}

impl Lane {
    /// A lane without clients.
    pub fn new(config: Config) -> Lane {
        let lanes = usize::from(config.lanes.max(1));
        let share = |of_node: usize| (of_node / lanes).max(1);
        let limits = Limits { topics_max: share(config.limits.topics_max), ..config.limits.clone() };
        let live = live::Config {
            // 0 is no feed, so that a client's uninitialised number never hits one.
            first_feed: u64::from(config.id.0) + lanes as u64,
            feed_step: lanes as u64,
            limits: limits.clone(),
            range_bytes: (limits.outbox_bytes_max / 8).clamp(1, 64 << 10),
            ..live::Config::default()
        };
        let hub = hub::Config {
            outbox_bytes_max: limits.outbox_bytes_max,
            outbox_total_bytes_max: share(limits.outbox_total_bytes_max),
            tell_missed: crate::client::tell_missed,
        };
        Lane {
            hub: Hub::new(hub),
            live: Live::new(live),
            home: Home::default(),
            clients: Vec::new(),
            pending: AHashMap::new(),
            next_ticket: 0,
            links: (0..lanes).map(|_| Link::new(limits.link_bytes_max)).collect(),
            local: VecDeque::new(),
            next_sweep: None,
            revoked: None,
            deflater: Deflater::new(config.deflate),
            inflater: None,
            now: Time::ZERO,
            slow: Watch::default(),
            counters: Counters::default(),
            notices: Vec::new(),
            session_outputs: Vec::new(),
            live_outputs: Vec::new(),
            buffer: Vec::new(),
            config,
        }
    }

    /// A client without a token has connected through a door that speaks `format`.
    pub fn connect(&mut self, format: Format, now: Time) -> ConnId {
        self.connect_as(None, format, now)
    }

    /// The same, with what its token gives; which [`Lane::check_grant`] has let pass.
    pub fn connect_as(&mut self, grant: Option<Grant>, format: Format, now: Time) -> ConnId {
        let conn = self.hub.add_client();
        let session = Session::of(&self.config.session, grant, now);
        let slot = conn.slot as usize;
        if self.clients.len() <= slot {
            self.clients.resize_with(slot + 1, || None);
        }
        let (liveness, replies) = (Liveness::new(now), Replies::of(format));
        let reply_bytes = Client::first_reply_bytes(&self.config.limits);
        self.clients[slot] = Some(Box::new(Client {
            conn,
            format,
            session,
            liveness,
            is_closing: false,
            reply_bytes,
            large_under_way: 0,
            replies,
        }));
        self.next_sweep.get_or_insert(now + liveness::sweep_interval(&self.config.limits));
        self.greet(conn);
        conn
    }

    /// What a client without a token may ask together with others from where it comes.
    pub fn share(&mut self, conn: ConnId, allowance: Allowance) {
        if let Some(client) = self.client_mut(conn) {
            client.session.share(Some(allowance));
        }
    }

    /// Something happened. What follows from it within this lane has happened too when this returns.
    pub fn handle(&mut self, event: Event, now: Time, out: &mut Vec<Output>) {
        self.now = now;
        match event {
            Event::Heard { conn, whole, partial } => self.handle_heard(conn, whole, partial, now),
            Event::Request { conn, request } => self.handle_request(conn, request, now, out),
            Event::Rejected { conn, id, error } => self.handle_rejected(conn, id, error, now, out),
            Event::Authenticated { conn, id, result } => self.handle_authenticated(conn, id, result, now, out),
            Event::Revoked(revoked) => self.handle_revoked(revoked, now, out),
            Event::Send { conn, frame } => self.hub.send(conn, frame),
            Event::Close { conn, code } => self.close(conn, code, now, out),
            Event::Drain { at_most } => {
                let open = self.clients.iter().flatten().filter(|client| !client.is_closing);
                let clients: Vec<ConnId> = open.take(at_most).map(|client| client.conn).collect();
                clients.into_iter().for_each(|conn| self.close(conn, CloseCode::GoingAway, now, out));
            }
            Event::Disconnected { conn } => self.handle_disconnected(conn),
            Event::Mail { from, mail } => self.handle_mail(from, mail, now, out),
            Event::Backend(BackendEvent::Reply { ticket, reply }) => self.handle_reply(ticket, reply, out),
            Event::Backend(event) => {
                self.note_answered(&event);
                self.live.handle_backend(event, now, &mut self.live_outputs);
                self.handle_live(out);
            }
            Event::Timeout => self.handle_timeout(now, out),
        }
        self.settle(now, out);
    }

    /// All events of this turn are in: frames are joined and queued, links that have room again are made good.
    pub fn end_turn(&mut self, now: Time, out: &mut Vec<Output>) {
        self.now = now;
        self.hub.end_turn();
        self.settle(now, out);
        for lane in 0..self.links.len() {
            for recovery in self.links[lane].recover() {
                self.recover(LaneId(lane as u16), recovery, out);
            }
        }
        self.deflater.forget();
    }

    /// Whether another turn has something to do though nothing more happens: what was written or taken made room, and
    /// what was missed for lack of it can be asked for.
    pub fn wants_turn(&self) -> bool {
        self.hub.has_output() || self.links.iter().any(Link::may_recover)
    }

    /// When [`Event::Timeout`] wants to come, unless something else happens first.
    pub fn next_timeout(&self) -> Option<Time> {
        [self.live.next_timeout(), self.next_sweep].into_iter().flatten().min()
    }

    /// The next letter for `to`. Ask only as often as its mailbox has room: what is not taken waits under its limits.
    pub fn next_mail(&mut self, to: LaneId) -> Option<Mail> {
        self.links[usize::from(to.0)].pop()
    }

    /// Whether letters for `to` wait.
    pub fn has_mail(&self, to: LaneId) -> bool {
        !self.links[usize::from(to.0)].is_empty()
    }

    /// The next client that has something to write, each once until it is written or blocked.
    pub fn next_dirty(&mut self) -> Option<ConnId> {
        self.hub.next_dirty()
    }

    /// What to write for the client, in order; see [`Hub::chunks`].
    pub fn chunks<'a>(&'a mut self, conn: ConnId, count_max: usize, each: impl FnMut(&'a [u8])) {
        self.hub.chunks(conn, count_max, each);
    }

    /// So many bytes were written. Returns whether anything is left.
    pub fn wrote(&mut self, conn: ConnId, bytes: usize) -> bool {
        self.hub.wrote(conn, bytes)
    }

    /// The next whole frame, for doors that do not write to a socket themselves.
    pub fn take(&mut self, conn: ConnId) -> Option<bytes::Bytes> {
        self.hub.take(conn)
    }

    /// The client's socket takes nothing now (`true`), or takes bytes again.
    pub fn set_blocked(&mut self, conn: ConnId, blocked: bool) {
        if blocked { self.hub.block(conn) } else { self.hub.unblock(conn) }
    }

    /// Whether more requests of this client should be read: not while too many wait for the backend, nor while their
    /// replies would hardly fit into its outbox or it leaves them unread, nor once it is closing.
    pub fn wants_input(&self, conn: ConnId) -> bool {
        let Some(client) = self.client(conn) else { return false };
        /// Replies that nothing is known of yet: so many may be under way, however small the last ones were.
        const LARGE_UNDER_WAY_MAX: u32 = 64;
        let (under_way, outbox_bytes_max) = (client.session.under_way(), self.config.limits.outbox_bytes_max);
        !client.is_closing
            && client.session.wants_input()
            && client.large_under_way < LARGE_UNDER_WAY_MAX
            && self.hub.queued_replies_bytes(conn) <= outbox_bytes_max / 4
            && (under_way == 0 || (under_way + 1).saturating_mul(client.reply_bytes) <= outbox_bytes_max / 2)
    }

    /// Whether anything is queued for the client.
    pub fn has_output(&self, conn: ConnId) -> bool {
        self.hub.queued_bytes(conn) > 0
    }

    /// The node's limits.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// How many clients there are.
    pub fn client_count(&self) -> usize {
        self.hub.client_count()
    }

    /// From now on these are the limits of the node. What a session holds is for clients that come from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        let lanes = usize::from(self.config.lanes.max(1));
        let share = |of_node: usize| (of_node / lanes).max(1);
        self.hub.set_limits(limits.outbox_bytes_max, share(limits.outbox_total_bytes_max));
        self.live.set_limits(Limits { topics_max: share(limits.topics_max), ..limits.clone() });
        self.links.iter_mut().for_each(|link| link.set_limit(limits.link_bytes_max));
        self.config.session = Rc::new(session::Config { limits: limits.clone(), ..(*self.config.session).clone() });
        self.config.limits = limits;
    }

    /// Numbers for metrics.
    pub fn counters(&self) -> Counters {
        Counters {
            clients: self.hub.client_count() as u64,
            outbox_bytes: self.hub.total_queued_bytes() as u64,
            link_bytes: self.links.iter().map(|link| link.bytes() as u64).sum(),
            hub: self.hub.counters(),
            live: self.live.counters(),
            deflate: self.deflater.counters(),
            inflated: self.inflater.as_ref().map_or(0, |inflater| inflater.messages()),
            stale_feeds: self.home.stale_feeds(),
            ..self.counters
        }
    }

    /// Lends what decompresses the clients' messages: one for all, so that none holds memory of its own.
    pub fn take_inflater(&mut self) -> Box<Inflater> {
        self.inflater.take().unwrap_or_default()
    }

    /// Takes it back.
    pub fn return_inflater(&mut self, mut inflater: Box<Inflater>) {
        inflater.rest();
        self.inflater = Some(inflater);
    }

    /// The frames as clients of this format get them.
    pub(crate) fn compressed(&mut self, format: Format, plain: bytes::Bytes) -> bytes::Bytes {
        if format.is_deflated() { self.deflater.frames(plain) } else { plain }
    }

    /// Turns what the machines left to do into events of others, until nothing is left.
    pub(crate) fn settle(&mut self, now: Time, out: &mut Vec<Output>) {
        loop {
            if let Some(mail) = self.local.pop_front() {
                self.handle_mail(self.config.id, mail, now, out);
            } else if let Some(output) = self.hub.next_output() {
                self.handle_hub(output, now, out);
            } else {
                return;
            }
        }
    }

    fn handle_hub(&mut self, output: hub::Output, now: Time, out: &mut Vec<Output>) {
        match output {
            hub::Output::Resync { conn, feed, format } => {
                self.send(self.home_of_feed(feed), feed, format, Mail::Resync { conn, feed, format }, 0);
            }
            hub::Output::CatchUp { conn, feed, format, after } => {
                self.send(self.home_of_feed(feed), feed, format, Mail::CatchUp { conn, feed, format, after }, 0);
            }
            hub::Output::Close { conn, code } => self.close(conn, code, now, out),
        }
    }

    fn handle_timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        if self.live.next_timeout().is_some_and(|at| at <= now) {
            self.live.handle_timeout(now, &mut self.live_outputs);
            self.handle_live(out);
        }
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.sweep(now, out);
            let clients = self.hub.client_count();
            self.next_sweep = (clients > 0).then(|| now + liveness::sweep_interval(&self.config.limits));
        }
    }

    /// Queues a letter that may not be lost; `bytes`: what it carries.
    pub(crate) fn send(&mut self, to: LaneId, feed: FeedId, format: Format, mail: Mail, bytes: usize) {
        if to == self.config.id {
            self.local.push_back(mail);
        } else {
            self.links[usize::from(to.0)].push_must(feed, format, mail, bytes);
        }
    }

    /// Queues a frame for another lane's subscribers, or hands it to this lane's.
    pub(crate) fn send_frame(
        &mut self,
        to: LaneId,
        class: Class,
        feed: FeedId,
        format: Format,
        frame: bytes::Bytes,
        end: model::EntryId,
    ) {
        if to == self.config.id {
            self.local.push_back(Mail::Frame { feed, format, frame, end });
        } else {
            self.links[usize::from(to.0)].push_frame(class, feed, format, frame, end);
        }
    }

    /// Where the topic's truth is: by the slot of its first key, so that all queries of a key meet on one lane.
    pub(crate) fn home_of_topic(&self, topic: &Topic) -> LaneId {
        LaneId(model::slot::slot(topic.home_name()) % self.config.lanes)
    }

    /// The lane that gave the feed its number.
    pub(crate) fn home_of_feed(&self, feed: FeedId) -> LaneId {
        LaneId((feed.0 % u64::from(self.config.lanes)) as u16)
    }

    pub(crate) fn client(&self, conn: ConnId) -> Option<&Client> {
        self.clients.get(conn.slot as usize)?.as_deref().filter(|c| c.conn == conn)
    }

    pub(crate) fn client_mut(&mut self, conn: ConnId) -> Option<&mut Client> {
        self.clients.get_mut(conn.slot as usize)?.as_deref_mut().filter(|c| c.conn == conn)
    }

    /// Ends a connection: what is half written, replies and the close frame still go, nothing else.
    pub(crate) fn close(&mut self, conn: ConnId, code: CloseCode, now: Time, out: &mut Vec<Output>) {
        let Some(client) = self.client_mut(conn) else { return };
        if std::mem::replace(&mut client.is_closing, true) {
            return;
        }
        client.liveness.closing(now);
        let format = client.format;
        self.note_closed(conn, code);
        // Replies are what a client that is too slow has too many of; every other one gets those it waits for.
        let keep_replies = code != CloseCode::TooSlow;
        self.hub.finish(conn, keep_replies, crate::client::close_frame(format, code));
        out.push(Output::Close { conn, code });
    }
}
