//! Redis and Valkey as the backend: moves bytes for [`Upstream`], which decides everything.
//!
//! ```text
//!            requests                       frames, ends
//!   lanes ─────────────► Redis ─► Upstream ◄───────────── link tasks ◄─► sockets
//!         ◄─────────────        ◄─        ─────────────►
//!             events                commands to send
//! ```
//!
//! Everything lives on one lane's thread. A link's task hands each frame to the machine at once; what follows
//! for the lanes waits for the turn that it asks for, and what follows for the servers is written when that turn ends.

mod client;
mod credentials;
mod link;
mod report;
mod socket;
mod tls;
mod url;

pub use client::Client;
pub use credentials::CredentialSource;
pub use socket::Socket;
pub use tls::{TlsConfig, Verify};
pub use url::{Url, UrlError, redacted};

use ahash::AHashMap;
use link::Link;
use model::backend::{BackendEvent, BackendRequest};
use model::reply::Frame;
use model::{LaneId, Time};
use runtime::{Backend, Clock, Moment, Report, Waker};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use upstream::{Input, LinkId, Output, Role, Upstream};
use wire::resp::{ProtocolError, ReplyLimits};

/// What the backend is made with.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// What the machine is made with.
    pub upstream: upstream::Config,
    /// What to say at `AUTH`.
    pub credentials: CredentialSource,
    /// The same for Sentinels, which have users of their own.
    pub sentinel_credentials: CredentialSource,
    /// How to encrypt; none: not at all.
    pub tls: Option<TlsConfig>,
    /// A server that does not take what is sent loses its connection when so many bytes wait.
    pub write_bytes_max: usize,
}

/// Servers of Redis' kind as a backend.
pub struct Redis(Rc<Shared>);

/// What the backend and its links' tasks share, on one thread.
struct Shared {
    config: RedisConfig,
    state: RefCell<State>,
    /// Since [`Backend::start`].
    turn: OnceCell<(Clock, Waker)>,
}

struct State {
    upstream: Upstream,
    /// By number, from `Connect` to `Disconnect` or the end.
    links: AHashMap<LinkId, Rc<Link>>,
    /// Links that have something to write since the last flush.
    unflushed: Vec<Rc<Link>>,
    /// For the lanes, until the turn.
    events: Vec<(LaneId, BackendEvent)>,
    /// Kept for its capacity.
    outputs: Vec<Output>,
}

impl Redis {
    /// Nothing is connected yet: that begins with [`Backend::start`].
    pub fn new(config: RedisConfig) -> Redis {
        let state = State {
            upstream: Upstream::new(config.upstream.clone(), Time::ZERO),
            links: AHashMap::new(),
            unflushed: Vec::new(),
            events: Vec::new(),
            outputs: Vec::new(),
        };
        Redis(Rc::new(Shared { config, state: RefCell::new(state), turn: OnceCell::new() }))
    }
}

impl Backend for Redis {
    fn start(&mut self, clock: Clock, waker: Waker) {
        let started = self.0.turn.set((clock, waker));
        debug_assert!(started.is_ok(), "a backend is started once");
        self.0.tell(Input::Timeout);
    }

    fn handle(&mut self, from: LaneId, request: BackendRequest, now: Moment, out: &mut Vec<(LaneId, BackendEvent)>) {
        self.0.handle(Input::Request { from, request }, now.time);
        self.take_events(out, now);
    }

    fn take_events(&mut self, out: &mut Vec<(LaneId, BackendEvent)>, _: Moment) {
        out.append(&mut self.0.state.borrow_mut().events);
    }

    fn flush(&mut self) {
        let mut unflushed = std::mem::take(&mut self.0.state.borrow_mut().unflushed);
        unflushed.drain(..).for_each(|link| link.flush());
        self.0.state.borrow_mut().unflushed = unflushed;
    }

    fn next_timeout(&self, _: Moment) -> Option<Time> {
        self.0.state.borrow().upstream.next_timeout()
    }

    fn handle_timeout(&mut self, now: Moment, out: &mut Vec<(LaneId, BackendEvent)>) {
        self.0.handle(Input::Timeout, now.time);
        self.take_events(out, now);
    }

    fn report(&self) -> Report {
        report::of(&self.0.state.borrow().upstream.statistics())
    }
}

impl Shared {
    /// Hands something to the machine from within a turn.
    fn handle(self: &Rc<Self>, input: Input, now: Time) {
        let state = &mut *self.state.borrow_mut();
        state.upstream.handle(input, now, &mut state.outputs);
        self.obey(state);
    }

    /// Hands something to the machine from a task, and asks for a turn.
    fn tell(self: &Rc<Self>, input: Input) {
        self.handle(input, self.now());
        self.wake();
    }

    /// Hands whole frames to the machine until `next` has none.
    fn frames(
        self: &Rc<Self>,
        link: &Link,
        mut next: impl FnMut() -> Result<Option<Frame>, ProtocolError>,
    ) -> Result<(), ProtocolError> {
        let now = self.now();
        let state = &mut *self.state.borrow_mut();
        let mut any = false;
        let ended = loop {
            match next() {
                Ok(Some(frame)) => {
                    state.upstream.handle(Input::Received { link: link.id(), frame }, now, &mut state.outputs);
                    any = true;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if !any && link.is_heard(now) {
            state.upstream.handle(Input::Heard { link: link.id() }, now, &mut state.outputs);
        }
        self.obey(state);
        ended
    }

    /// The link is at its end.
    fn closed(self: &Rc<Self>, link: LinkId, reason: String) {
        self.state.borrow_mut().links.remove(&link);
        self.tell(Input::Closed { link, reason });
    }

    /// Carries out what the machine wants.
    fn obey(self: &Rc<Self>, state: &mut State) {
        let State { links, unflushed, events, outputs, .. } = state;
        for output in outputs.drain(..) {
            match output {
                Output::Event { lane, event } => events.push((lane, event)),
                Output::Send { link, command } => {
                    if let Some(link) = links.get(&link)
                        && link.send(&command)
                    {
                        unflushed.push(link.clone());
                    }
                }
                Output::Connect { link: id, address, role } => {
                    let link = Rc::new(Link::new(id, address, role, self.config.write_bytes_max));
                    links.insert(id, link.clone());
                    tokio::task::spawn_local(link::run(self.clone(), link));
                }
                Output::Disconnect { link } => {
                    if let Some(link) = links.remove(&link) {
                        link.end();
                    }
                }
                Output::Notice(notice) => report::log(&notice),
            }
        }
    }

    /// Asks for a turn: there is something to tell or to write, or the next timeout is another.
    fn wake(&self) {
        if let Some((_, waker)) = self.turn.get() {
            waker.wake();
        }
    }

    fn now(&self) -> Time {
        self.turn.get().map_or(Time::ZERO, |(clock, _)| clock.now())
    }

    fn credentials(&self, role: Role) -> &CredentialSource {
        match role {
            Role::Sentinel => &self.config.sentinel_credentials,
            _ => &self.config.credentials,
        }
    }

    fn tls(&self) -> Option<&TlsConfig> {
        self.config.tls.as_ref()
    }

    fn reply_limits(&self, role: Role) -> ReplyLimits {
        // What is exactly too big is told above, by the value as a client gets it. No value takes more than twice its
        // JSON's bytes as RESP, so what is over this is too big by any measure, and need not be held.
        let value = 2 * self.config.upstream.value_bytes_max as u64 + 1024;
        match role {
            Role::Tracking | Role::Commands => ReplyLimits { frame_bytes_max: value, ..ReplyLimits::default() },
            Role::PubSub => {
                let frame_bytes_max = self.config.upstream.value_bytes_max as u64 + 1024;
                ReplyLimits { frame_bytes_max, ..ReplyLimits::default() }
            }
            Role::Sentinel | Role::Map => ReplyLimits::default(),
        }
    }
}
