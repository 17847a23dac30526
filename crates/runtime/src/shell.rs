//! One lane on its thread: the handle that connection tasks call, and the pump that runs once per turn.

use crate::allowances::Allowances;
use crate::clients::{Desk, Service};
use crate::clock::{Clock, Moment};
use crate::delivery::{Delivery, event_bytes};
use crate::mailbox::Mailbox;
use crate::notices::Told;
use crate::queue::{HasQueue, Queue, Share, Slice, TakeTurn};
use lane::{Event, Grant, Lane, Mail, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::{CloseCode, ConnId, Error, Format, Histogram, LaneId, Time};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What goes through a mailbox.
pub(crate) enum Letter {
    /// From another lane.
    Mail { from: LaneId, mail: Mail },
    /// From the backend on another thread.
    Backend(BackendEvent),
    /// For the backend on this thread.
    Request { from: LaneId, request: BackendRequest },
    /// Something to do on this thread: take a socket over, read counters, stop.
    Run(Box<dyn FnOnce(&LaneHandle) + Send>),
}

/// A backend that lives on a lane's thread and serves all lanes.
///
/// One that waits for sockets spawns tasks of its own on that thread. They never call a lane: what they learn waits in
/// the backend until the turn that they ask for by the [`Waker`], so that everything of one turn goes out together.
pub trait Backend {
    /// The thread's event loop runs: tasks may be spawned on it from now on. Called once, before anything else.
    fn start(&mut self, _clock: Clock, _waker: Waker) {}

    /// A request of a lane. What follows is appended to `out`, each event with the lane it is for, in order.
    fn handle(&mut self, from: LaneId, request: BackendRequest, now: Moment, out: &mut Vec<(LaneId, BackendEvent)>);

    /// What tasks of the backend's own have learned since the last call, in order. Called once per turn, first.
    fn take_events(&mut self, _out: &mut Vec<(LaneId, BackendEvent)>, _now: Moment) {}

    /// Before these events go to the lanes: what they tell of is to be kept first. Answers that must not be given as they
    /// are, because that failed, may be replaced.
    fn commit(&mut self, _out: &mut Vec<(LaneId, BackendEvent)>, _now: Moment) {}

    /// The lane's thread ends, and no call follows.
    fn stop(&mut self) {}

    /// The turn has no more requests: what they make the backend send goes out now, together.
    fn flush(&mut self) {}

    /// When [`Backend::handle_timeout`] wants to be called next.
    fn next_timeout(&self, now: Moment) -> Option<Time>;

    /// Time has passed.
    fn handle_timeout(&mut self, now: Moment, out: &mut Vec<(LaneId, BackendEvent)>);

    /// What it does for clients that speak its own protocol, if it serves any.
    fn service(&mut self) -> Option<&mut dyn Service> {
        None
    }

    /// What its clients' commands changed since the last call: told to the lanes as if it was asked for by one of them.
    fn take_changes(&mut self, _out: &mut Vec<(LaneId, BackendEvent)>) {}

    /// A client with the right to do so asked for the end of the process.
    fn wants_end(&self) -> bool {
        false
    }

    /// How it is.
    fn report(&self) -> Report {
        Report { is_reachable: true, measures: Vec::new(), round_trips: None }
    }
}

/// Asks for a turn of the lane that a backend lives with. Cheap, and as good once as many times.
#[derive(Clone)]
pub struct Waker {
    mailboxes: Arc<[Mailbox<Letter>]>,
    lane: LaneId,
}

impl Waker {
    /// A turn is wanted soon: there are events to take or bytes to flush, or the next timeout is another.
    pub fn wake(&self) {
        self.mailboxes[usize::from(self.lane.0)].wake();
    }
}

/// What a backend tells of itself, for `/readyz` and `/metrics`.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Whether it carries out commands now.
    pub is_reachable: bool,
    /// Its counters.
    pub measures: Vec<Measure>,
    /// How long servers took to answer, if there are any.
    pub round_trips: Option<Histogram>,
}

/// What a lane tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct LaneReport {
    /// The lane's own counters.
    pub counters: lane::Counters,
    /// From the begin of a turn to a client's bytes being handed to the kernel, once per client and turn.
    pub write_latency: Histogram,
    /// How long its thread has worked, of all the time.
    pub busy: Duration,
}

/// One figure of a [`Report`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measure {
    /// Its name; a counter's ends in `_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// What tells it from others of its name: a label and its value. Those of one name stand together.
    pub label: Option<(&'static str, &'static str)>,
    /// The figure.
    pub value: u64,
}

/// A client's connection, as the pump sees it. All calls come from the lane's thread, and none of them may call back.
pub trait Connection {
    /// Writes what the socket takes now.
    fn try_write(&self, chunks: &[IoSlice<'_>]) -> Written;

    /// Something about it changed: its task looks again whether to read, to write, or to end.
    fn wake(&self);

    /// Once what is queued is written, the connection is to be shut down.
    fn close(&self, code: CloseCode);

    /// The connection is to be dropped now.
    fn abort(&self);

    /// The client presents a token: whose it is is found out later, without waiting here, and the lane is told. Only doors
    /// whose clients can ask for it are asked.
    fn authenticate(&self, _: &LaneHandle, _id: u64, _token: String) {}

    /// The client's address; none: it is on this machine, or unknown.
    fn address(&self) -> Option<IpAddr> {
        None
    }

    /// The one feed that it was made for is refused. Only told to connections of [`Format::Sse`].
    fn refuse(&self, _: Error) {}
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// So many bytes were taken.
    Bytes(usize),
    /// The socket takes nothing now; the connection's task flushes when it does.
    Blocked,
    /// The connection takes its frames itself; it is woken.
    Pulls,
    /// The socket is gone; the connection's task notices by itself.
    Failed(io::ErrorKind),
}

/// So many connections are looked up before the first of them is written to: a write leaves little in the processor's
/// caches, and so they are fetched beside one another instead of one after the other.
const WRITES_GROUPED: usize = 8;
/// What the pump writes at most in one system call.
const CHUNKS_MAX: usize = 16;
/// Rounds between the lane and the backend on its thread before sockets are served again.
const ROUNDS_MAX: usize = 16;

/// A turn in which the backend works for longer is long because of somebody's commands, however few they were.
const BACKEND_TIME_PRESSED: Duration = Duration::from_micros(500);

/// Room for so many letters is kept from turn to turn.
const LETTERS_KEPT_MAX: usize = 1024;

/// A lane on its thread. Cheap to clone, stays on the thread.
#[derive(Clone)]
pub struct LaneHandle(pub(crate) Rc<Shell>);

pub(crate) struct Shell {
    pub(crate) id: LaneId,
    clock: Clock,
    pub(crate) lane: RefCell<Lane>,
    /// By slot of the connection's id.
    connections: RefCell<Vec<Option<Connected>>>,
    /// What the lane wants, until the pump runs.
    outputs: RefCell<Vec<Output>>,
    /// The backend, if it lives here.
    backend: RefCell<Option<Host>>,
    /// Which lane's thread the backend lives on.
    backend_lane: LaneId,
    mailboxes: Arc<[Mailbox<Letter>]>,
    /// How many connections this lane has, for whoever hands out new ones.
    load: Arc<[AtomicUsize]>,
    /// The pump has been woken and has not run yet.
    pump_due: Cell<bool>,
    stopped: Cell<bool>,
    /// For reading from sockets: one buffer for all connections of the lane.
    scratch: RefCell<Vec<u8>>,
    /// Kept for its capacity.
    letters: RefCell<Vec<Letter>>,
    /// The door of the clients that speak the backend's own protocol.
    desk: RefCell<Option<Rc<dyn Desk>>>,
    /// Where it is told that the backend wants the process to end.
    ending: Arc<Notify>,
    allowances: Allowances,
    /// When this turn began.
    turn_began: Cell<Time>,
    /// The backend that lives here took long for what it was asked in the last turn.
    is_pressed: Cell<bool>,
    write_latency: RefCell<Histogram>,
    pub(crate) told: Told,
    /// Who has more to do than a turn has time for.
    queue: Queue,
}

/// What the lanes of a node share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) mailboxes: Arc<[Mailbox<Letter>]>,
    /// Clients of each lane.
    pub(crate) load: Arc<[AtomicUsize]>,
    /// Told when the backend wants the process to end.
    pub(crate) ending: Arc<Notify>,
    /// What users may ask in all their connections.
    pub(crate) allowances: Allowances,
}

/// A connection under its id.
type Connected = (ConnId, Rc<dyn Connection>);

/// The backend on this thread with the ways to the lanes it serves.
struct Host {
    backend: Box<dyn Backend>,
    deliveries: Vec<Delivery>,
    events: Vec<(LaneId, BackendEvent)>,
}

impl LaneHandle {
    pub(crate) fn new(
        lane: Lane,
        id: LaneId,
        clock: Clock,
        backend: Option<Box<dyn Backend>>,
        backend_lane: LaneId,
        shared: Shared,
    ) -> LaneHandle {
        let Shared { mailboxes, load, ending, allowances } = shared;
        let deliveries = || (0..mailboxes.len()).map(|_| Delivery::default()).collect();
        let host = backend.map(|backend| Host { backend, deliveries: deliveries(), events: Vec::new() });
        /// Enough for a burst of small frames or a good part of a large one.
        const SCRATCH_BYTES: usize = 64 << 10;
        LaneHandle(Rc::new(Shell {
            id,
            clock,
            lane: RefCell::new(lane),
            connections: RefCell::new(Vec::new()),
            outputs: RefCell::new(Vec::new()),
            backend: RefCell::new(host),
            backend_lane,
            mailboxes,
            load,
            pump_due: Cell::new(false),
            stopped: Cell::new(false),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES]),
            letters: RefCell::new(Vec::new()),
            desk: RefCell::new(None),
            ending,
            allowances,
            turn_began: Cell::new(clock.now()),
            is_pressed: Cell::new(false),
            write_latency: RefCell::new(Histogram::default()),
            told: Told::new(clock),
            queue: Queue::new(),
        }))
    }

    /// Which lane this is.
    pub fn id(&self) -> LaneId {
        self.0.id
    }

    /// The process's clock.
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// A client has connected; `connection` gives what the pump will write to. `make` gets the client's id.
    pub fn connect<C: Connection + 'static>(&self, format: Format, make: impl FnOnce(ConnId) -> Rc<C>) -> Rc<C> {
        self.connect_as(None, format, make)
    }

    /// What a token gives, with what all connections of its user may ask together.
    pub fn with_allowance(&self, grant: Grant) -> Grant {
        let allowance = self.limits_users().then(|| self.0.allowances.of_user(&grant.user, self.0.clock.now()));
        Grant { allowance, ..grant }
    }

    fn limits_users(&self) -> bool {
        self.0.lane.borrow().limits().user_requests_per_second_max > 0
    }

    /// The same, with what the client's token gives; which [`Lane::check_grant`] has let pass.
    pub fn connect_as<C: Connection + 'static>(
        &self,
        grant: Option<Grant>,
        format: Format,
        make: impl FnOnce(ConnId) -> Rc<C>,
    ) -> Rc<C> {
        let (now, is_anonymous) = (self.0.clock.now(), grant.is_none());
        let conn = self.0.lane.borrow_mut().connect_as(grant, format, now);
        let connection = make(conn);
        if is_anonymous
            && self.limits_users()
            && let Some(allowance) = self.0.allowances.of_address(connection.address(), now)
        {
            self.0.lane.borrow_mut().share(conn, allowance);
        }
        let mut connections = self.0.connections.borrow_mut();
        let slot = conn.slot as usize;
        if connections.len() <= slot {
            connections.resize_with(slot + 1, || None);
        }
        connections[slot] = Some((conn, connection.clone()));
        self.0.load[usize::from(self.0.id.0)].fetch_add(1, Ordering::Relaxed);
        self.wake_pump();
        connection
    }

    /// The connection is gone.
    pub fn disconnect(&self, conn: ConnId) {
        let mut connections = self.0.connections.borrow_mut();
        let Some(slot) = connections.get_mut(conn.slot as usize).filter(|c| c.as_ref().is_some_and(|c| c.0 == conn))
        else {
            return;
        };
        *slot = None;
        drop(connections);
        self.0.load[usize::from(self.0.id.0)].fetch_sub(1, Ordering::Relaxed);
        self.handle(Event::Disconnected { conn });
    }

    /// Something happened.
    pub fn handle(&self, event: Event) {
        let now = self.0.clock.now();
        self.0.lane.borrow_mut().handle(event, now, &mut self.0.outputs.borrow_mut());
        self.wake_pump();
    }

    /// Waits for a turn that has time for so much: at once, unless others have more to do than this turn has time for.
    pub fn take_turn(&self, share: Share) -> TakeTurn<LaneHandle> {
        TakeTurn::new(self.clone(), share)
    }

    /// How long a client may be served from now on; if it wants more, it is to [`take a turn`](LaneHandle::take_turn) of
    /// [`Share::Whole`].
    pub fn slice(&self) -> Slice {
        Slice::begin(self.0.clock)
    }

    /// Whether what clients ask for takes so long that those who ask often are to take turns.
    pub fn is_pressed(&self) -> bool {
        self.0.is_pressed.get()
    }

    /// From now on these are the rules.
    pub(crate) fn set_rules(&self, setup: &lane::Setup) {
        let now = self.0.clock.now();
        self.0.lane.borrow_mut().set_rules(setup, now, &mut self.0.outputs.borrow_mut());
        self.wake_pump();
    }

    /// Calls the lane; not for events.
    pub fn with_lane<R>(&self, call: impl FnOnce(&mut Lane) -> R) -> R {
        call(&mut self.0.lane.borrow_mut())
    }

    /// Lends the lane's read buffer. `call` must not lend it again.
    pub fn with_scratch<R>(&self, call: impl FnOnce(&mut [u8]) -> R) -> R {
        call(&mut self.0.scratch.borrow_mut())
    }

    /// Writes what is queued for a connection whose socket takes bytes again.
    pub fn flush(&self, conn: ConnId) {
        let connection = self.connection(conn);
        let mut lane = self.0.lane.borrow_mut();
        lane.set_blocked(conn, false);
        if let Some(connection) = connection {
            write(&mut lane, conn, &*connection);
        }
        drop(lane);
        // Room in an outbox may mean that more can be asked for.
        self.wake_pump();
    }

    /// The next whole frame of a connection that takes its frames itself.
    pub fn take(&self, conn: ConnId) -> Option<bytes::Bytes> {
        let frame = self.0.lane.borrow_mut().take(conn)?;
        // Room in an outbox may mean that more can be asked for.
        self.wake_pump();
        Some(frame)
    }

    /// Calls the service of a backend that lives here. What follows from it is told, and written, in this turn.
    pub fn with_service<R>(&self, call: impl FnOnce(&mut dyn Service, Moment) -> R) -> Option<R> {
        let now = self.0.clock.moment();
        let mut host = self.0.backend.borrow_mut();
        let Host { backend, events, .. } = host.as_mut()?;
        let result = call(backend.service()?, now);
        backend.take_changes(events);
        drop(host);
        self.wake_pump();
        Some(result)
    }

    /// The door of the clients that the service is for; one per lane.
    pub fn set_desk(&self, desk: Rc<dyn Desk>) {
        *self.0.desk.borrow_mut() = Some(desk);
    }

    /// How the backend is, if it lives here.
    pub fn backend_report(&self) -> Option<Report> {
        let mut report = self.0.backend.borrow().as_ref().map(|host| host.backend.report())?;
        report.measures.extend(self.0.desk.borrow().iter().flat_map(|desk| desk.measures()));
        Some(report)
    }

    /// How the lane is. Only on its own thread.
    pub fn report(&self) -> LaneReport {
        let busy = tokio::runtime::Handle::current().metrics().worker_total_busy_duration(0);
        let counters = self.0.lane.borrow().counters();
        LaneReport { counters, write_latency: *self.0.write_latency.borrow(), busy }
    }

    /// Clients from this slot on, at most so many, each with its address.
    pub fn clients(&self, from_slot: u32, at_most: usize) -> Vec<(lane::ClientInfo, Option<IpAddr>)> {
        let lane = self.0.lane.borrow();
        let address = |info: &lane::ClientInfo| self.connection(info.conn).and_then(|c| c.address());
        lane.clients(from_slot, at_most).map(|info| (info.clone(), address(&info))).collect()
    }

    /// Ends the lane's thread after this turn.
    pub fn stop(&self) {
        self.0.stopped.set(true);
        self.mailbox().wake();
    }

    pub(crate) fn connection(&self, conn: ConnId) -> Option<Rc<dyn Connection>> {
        let connections = self.0.connections.borrow();
        let (id, connection) = connections.get(conn.slot as usize)?.as_ref()?;
        (*id == conn).then(|| connection.clone())
    }

    fn mailbox(&self) -> &Mailbox<Letter> {
        &self.0.mailboxes[usize::from(self.0.id.0)]
    }

    fn wake_pump(&self) {
        if !self.0.pump_due.replace(true) {
            self.mailbox().wake();
        }
    }

    /// Runs turns until the lane is stopped.
    pub(crate) async fn pump(&self) {
        self.start_backend();
        let far = || tokio::time::Instant::now() + std::time::Duration::from_secs(3600);
        let sleep = tokio::time::sleep_until(far());
        tokio::pin!(sleep);
        while !self.0.stopped.get() {
            let due = self.next_timeout().map_or_else(far, |at| self.0.clock.instant(at).into());
            if sleep.deadline() != due {
                sleep.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                () = self.mailbox().woken() => {}
                () = &mut sleep => {}
            }
            self.turn();
            // Letters may come faster than turns end: without this, sockets would not be read while they do. Where there is
            // nothing to do at once, the wait for it reads them, and this would be one look at all sockets too many.
            // The same holds for a backend with work for many turns.
            let is_due = self.next_timeout().is_some_and(|at| at <= self.0.clock.now());
            if is_due || self.0.pump_due.get() || !self.mailbox().is_empty() {
                tokio::task::yield_now().await;
            }
        }
        if let Some(host) = &mut *self.0.backend.borrow_mut() {
            host.backend.stop();
        }
    }

    fn start_backend(&self) {
        if let Some(host) = &mut *self.0.backend.borrow_mut() {
            let waker = Waker { mailboxes: self.0.mailboxes.clone(), lane: self.0.id };
            host.backend.start(self.0.clock, waker);
        }
    }

    fn next_timeout(&self) -> Option<Time> {
        let lane = self.0.lane.borrow().next_timeout();
        let backend = self.0.backend.borrow();
        let backend = backend.as_ref().and_then(|host| host.backend.next_timeout(self.0.clock.moment()));
        [lane, backend].into_iter().flatten().min()
    }

    fn turn(&self) {
        // What happens in the course of the turn is served by it, and wakes nobody.
        self.0.pump_due.set(true);
        self.0.turn_began.set(self.0.clock.now());
        self.take_backend_events();
        self.take_letters();
        self.fire_timers();
        let asked_at = self.0.clock.now();
        for _ in 0..ROUNDS_MAX {
            if !self.serve_backend() {
                break;
            }
        }
        self.0.is_pressed.set(self.0.clock.now().since(asked_at) > BACKEND_TIME_PRESSED);
        self.flush_backend();
        self.serve_desk();
        let now = self.0.clock.now();
        self.0.lane.borrow_mut().end_turn(now, &mut self.0.outputs.borrow_mut());
        self.write_dirty();
        self.tell_notices();
        self.obey_outputs();
        self.post_mail();
        self.0.pump_due.set(false);
        let somebody_waits = self.0.queue.let_go();
        if somebody_waits || !self.0.outputs.borrow().is_empty() || self.0.lane.borrow().wants_turn() {
            self.wake_pump();
        }
    }

    fn take_backend_events(&self) {
        if let Some(Host { backend, events, .. }) = &mut *self.0.backend.borrow_mut() {
            backend.take_events(events, self.0.clock.moment());
        }
    }

    /// Before the clients are written to, so that a server works meanwhile.
    fn flush_backend(&self) {
        if let Some(host) = &mut *self.0.backend.borrow_mut() {
            host.backend.flush();
        }
    }

    /// The clients of the backend's own protocol are told and written to: before those of the lane, of which one command may
    /// concern thousands.
    fn serve_desk(&self) {
        let Some(desk) = self.0.desk.borrow().clone() else { return };
        let Some(host) = &mut *self.0.backend.borrow_mut() else { return };
        if let Some(service) = host.backend.service() {
            desk.take_outputs(service);
            desk.write(service, self.0.clock.moment().unix_ms);
        }
        if host.backend.wants_end() {
            self.0.ending.notify_one();
        }
    }

    fn take_letters(&self) {
        let mut letters = std::mem::take(&mut *self.0.letters.borrow_mut());
        for lane in self.mailbox().take(&mut letters) {
            self.0.mailboxes[usize::from(lane.0)].wake();
        }
        for letter in letters.drain(..) {
            match letter {
                Letter::Mail { from, mail } => self.handle(Event::Mail { from, mail }),
                Letter::Backend(event) => self.handle(Event::Backend(event)),
                Letter::Request { from, request } => self.ask_backend(from, request),
                Letter::Run(call) => call(self),
            }
        }
        // Keep the allocation for the next turn, but not one that a burst made large.
        letters.shrink_to(LETTERS_KEPT_MAX);
        *self.0.letters.borrow_mut() = letters;
    }

    fn fire_timers(&self) {
        let now = self.0.clock.moment();
        if self.0.lane.borrow().next_timeout().is_some_and(|at| at <= now.time) {
            self.handle(Event::Timeout);
        }
        if let Some(host) = &mut *self.0.backend.borrow_mut()
            && host.backend.next_timeout(now).is_some_and(|at| at <= now.time)
        {
            host.backend.handle_timeout(now, &mut host.events);
        }
    }

    fn ask_backend(&self, from: LaneId, request: BackendRequest) {
        if let Some(host) = &mut *self.0.backend.borrow_mut() {
            host.backend.handle(from, request, self.0.clock.moment(), &mut host.events);
        }
    }

    /// Passes requests to the backend and its events to the lanes. Returns whether anything moved.
    fn serve_backend(&self) -> bool {
        let outputs = std::mem::take(&mut *self.0.outputs.borrow_mut());
        let mut moved = false;
        let mut others = Vec::new();
        for output in outputs {
            match output {
                Output::Backend(request) if self.0.backend_lane == self.0.id => {
                    self.ask_backend(self.0.id, request);
                    moved = true;
                }
                Output::Backend(request) => {
                    let letter = Letter::Request { from: self.0.id, request };
                    self.0.mailboxes[usize::from(self.0.backend_lane.0)].post(letter, 0);
                }
                other => others.push(other),
            }
        }
        self.0.outputs.borrow_mut().extend(others);
        self.deliver() || moved
    }

    fn deliver(&self) -> bool {
        let mut host = self.0.backend.borrow_mut();
        let Some(Host { backend, deliveries, events }) = &mut *host else { return false };
        let mut events = std::mem::take(events);
        if !events.is_empty() {
            backend.commit(&mut events, self.0.clock.moment());
        }
        let moved = !events.is_empty();
        let mut mine = Vec::new();
        for (lane, event) in events {
            if lane == self.0.id {
                mine.push(event);
                continue;
            }
            let mailbox = &self.0.mailboxes[usize::from(lane.0)];
            let room = mailbox.room();
            if !room {
                mailbox.ask_for_room(self.0.id);
            }
            deliveries[usize::from(lane.0)].pass(event, room, &mut |event| {
                let bytes = event_bytes(&event);
                mailbox.post(Letter::Backend(event), bytes);
            });
        }
        for (mailbox, delivery) in self.0.mailboxes.iter().zip(deliveries) {
            if delivery.owes() && mailbox.room() {
                delivery.recover(&mut |event| mailbox.post(Letter::Backend(event), 0));
            }
        }
        drop(host);
        for event in mine {
            self.handle(Event::Backend(event));
        }
        moved
    }

    /// Writes to every connection that has something queued, once.
    fn write_dirty(&self) {
        let mut lane = self.0.lane.borrow_mut();
        let mut group: SmallVec<[(ConnId, Rc<dyn Connection>); WRITES_GROUPED]> = SmallVec::new();
        loop {
            while group.len() < WRITES_GROUPED
                && let Some(conn) = lane.next_dirty()
            {
                group.extend(self.connection(conn).map(|connection| (conn, connection)));
            }
            if group.is_empty() {
                return;
            }
            let count = group.len() as u64;
            for (conn, connection) in group.drain(..) {
                write(&mut lane, conn, &*connection);
            }
            let took = self.0.clock.now().since(self.0.turn_began.get());
            self.0.write_latency.borrow_mut().add(took, count);
        }
    }

    fn obey_outputs(&self) {
        let outputs = std::mem::take(&mut *self.0.outputs.borrow_mut());
        let mut later = Vec::new();
        for output in outputs {
            match output {
                Output::Close { conn, code } => {
                    if let Some(connection) = self.connection(conn) {
                        connection.close(code);
                    }
                }
                Output::Refused { conn, error } => {
                    if let Some(connection) = self.connection(conn) {
                        connection.refuse(error);
                    }
                }
                Output::Authenticate { conn, id, token } => {
                    if let Some(connection) = self.connection(conn) {
                        connection.authenticate(self, id, token);
                    }
                }
                Output::Resume { conn } => {
                    if let Some(connection) = self.connection(conn) {
                        connection.wake();
                    }
                }
                Output::Abort { conn } => {
                    if let Some(connection) = self.connection(conn) {
                        connection.abort();
                    }
                }
                request @ Output::Backend(_) => later.push(request),
            }
        }
        self.0.outputs.borrow_mut().extend(later);
    }

    fn post_mail(&self) {
        let mut lane = self.0.lane.borrow_mut();
        for (to, mailbox) in self.0.mailboxes.iter().enumerate() {
            let to = LaneId(to as u16);
            if to == self.0.id || !lane.has_mail(to) {
                continue;
            }
            mailbox.post_while_room(self.0.id, || {
                let mail = lane.next_mail(to)?;
                let bytes = mail.bytes();
                Some((Letter::Mail { from: self.0.id, mail }, bytes))
            });
        }
    }
}

impl HasQueue for LaneHandle {
    fn queue(&self) -> &Queue {
        &self.0.queue
    }

    fn wants_turn(&self) {
        self.wake_pump();
    }
}

/// Writes what is queued for one connection, in one system call as a rule.
fn write(lane: &mut Lane, conn: ConnId, connection: &dyn Connection) {
    loop {
        let written = {
            let mut slices: [IoSlice<'_>; CHUNKS_MAX] = [IoSlice::new(&[]); CHUNKS_MAX];
            let mut count = 0;
            lane.chunks(conn, CHUNKS_MAX, |chunk| {
                slices[count] = IoSlice::new(chunk);
                count += 1;
            });
            if count == 0 {
                return connection.wake();
            }
            let asked: usize = slices[..count].iter().map(|s| s.len()).sum();
            match connection.try_write(&slices[..count]) {
                Written::Bytes(n) if n < asked => (n, true),
                Written::Bytes(n) => (n, false),
                Written::Blocked => (0, true),
                Written::Pulls | Written::Failed(_) => return connection.wake(),
            }
        };
        let (bytes, blocked) = written;
        let more = lane.wrote(conn, bytes);
        if blocked {
            lane.set_blocked(conn, true);
        }
        if blocked || !more {
            return connection.wake();
        }
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
