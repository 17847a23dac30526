//! A node: its lanes' threads, and the way for other threads to reach them.

use crate::allowances::Allowances;
use crate::clock::Clock;
use crate::mailbox::Mailbox;
use crate::shell::{Backend, LaneHandle, Letter, Report, Shared};
use lane::Lane;
use model::{LaneId, Limits};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a node is started with.
pub struct NodeConfig<B> {
    /// What all lanes have in common.
    pub setup: lane::Setup,
    /// What a lane's mailbox holds before its senders keep their letters, in bytes.
    pub mailbox_bytes_max: usize,
    /// Makes the backend, on the thread of lane 0.
    pub backend: B,
}

/// The lane whose thread the backend lives on.
const BACKEND_LANE: LaneId = LaneId(0);

/// The threads of a node.
pub struct Node {
    lanes: Lanes,
    threads: Vec<JoinHandle<()>>,
}

/// Reaches the lanes from any thread.
#[derive(Clone)]
pub struct Lanes {
    shared: Shared,
    /// Sockets handed to each lane that are not clients yet.
    arriving: Arc<[AtomicUsize]>,
    /// Clients that were admitted and are not connected yet.
    admitted: Arc<AtomicUsize>,
    is_leaving: Arc<AtomicBool>,
    is_draining: Arc<AtomicBool>,
    clock: Clock,
}

/// A socket on its way to be a client of a lane: while this is held, the lane counts as having one more.
#[derive(Debug)]
pub struct Arrival {
    arriving: Arc<[AtomicUsize]>,
    lane: LaneId,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.arriving[usize::from(self.lane.0)].fetch_sub(1, Ordering::Relaxed);
    }
}

/// The place of a client that is about to connect, until this is dropped.
#[derive(Debug)]
pub struct Admission(Arc<AtomicUsize>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts the lanes' threads. The backend lives on the thread of lane 0: with few cores this saves two thread hops per
/// command, and its work is the smallest part of a command's.
///
/// # Errors
/// When a thread or its event loop cannot be made.
pub fn start<B>(config: NodeConfig<B>) -> io::Result<Node>
where
    B: FnOnce() -> Box<dyn Backend> + Send + 'static,
{
    let count = usize::from(config.setup.lanes());
    let lanes = Lanes {
        shared: Shared {
            mailboxes: (0..count).map(|_| Mailbox::new(config.mailbox_bytes_max)).collect(),
            load: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            ending: Arc::default(),
            allowances: Allowances::default(),
        },
        arriving: (0..count).map(|_| AtomicUsize::new(0)).collect(),
        is_leaving: Arc::default(),
        is_draining: Arc::default(),
        admitted: Arc::default(),
        clock: Clock::start(),
    };
    let mut backend = Some(config.backend);
    let mut threads = Vec::with_capacity(count);
    for id in (0..count).map(|n| LaneId(n as u16)) {
        let (lanes, setup, backend) = (lanes.clone(), config.setup.clone(), backend.take());
        let (tell_started, started) = std::sync::mpsc::channel();
        let run = move || {
            // The event loop stays on the thread that made it.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell_started.send(Err(error))),
            };
            let backend = backend.map(|make| make());
            let lane = Lane::new(setup.lane(id));
            let handle = LaneHandle::new(lane, id, lanes.clock, backend, BACKEND_LANE, lanes.shared);
            drop(tell_started.send(Ok(())));
            // As a task like the sockets' own: one that these wake runs behind them at once, while the event loop would first
            // look at all sockets again for the future it was started with.
            let pump = async move { tokio::task::spawn_local(async move { handle.pump().await }).await };
            if let Err(error) = runtime.block_on(pump)
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        };
        threads.push(std::thread::Builder::new().name(format!("lane-{}", id.0)).spawn(run)?);
        started.recv().unwrap_or_else(|_| Err(io::Error::other("a lane's thread ended at its start")))?;
    }
    Ok(Node { lanes, threads })
}

impl Node {
    /// The way to the lanes.
    pub fn lanes(&self) -> Lanes {
        self.lanes.clone()
    }

    /// Stops the lanes and waits for their threads. Connections that are still open are dropped.
    pub fn stop(self) {
        for id in self.lanes.ids() {
            self.lanes.run(id, |handle| handle.stop());
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a lane's thread panicked");
            }
        }
    }
}

impl Lanes {
    /// All lanes.
    pub fn ids(&self) -> impl Iterator<Item = LaneId> + use<> {
        (0..self.shared.mailboxes.len()).map(|n| LaneId(n as u16))
    }

    /// The process's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Runs `call` on the lane's thread, behind the letters that are there already.
    pub fn run(&self, lane: LaneId, call: impl FnOnce(&LaneHandle) + Send + 'static) {
        self.shared.mailboxes[usize::from(lane.0)].post(Letter::Run(Box::new(call)), 0);
    }

    /// Runs `call` on the thread of the lane with the fewest connections. Until it drops what it is given, the lane counts
    /// as having one more: a thousand that come at once are spread though none of them is a client yet.
    pub fn hand_over(&self, call: impl FnOnce(&LaneHandle, Arrival) + Send + 'static) {
        let lane = self.least_loaded();
        self.arriving[usize::from(lane.0)].fetch_add(1, Ordering::Relaxed);
        let arrival = Arrival { arriving: self.arriving.clone(), lane };
        self.run(lane, move |handle| call(handle, arrival));
    }

    /// The lane with the fewest connections.
    pub fn least_loaded(&self) -> LaneId {
        let of = |counts: &[AtomicUsize], id: &LaneId| counts[usize::from(id.0)].load(Ordering::Relaxed);
        self.ids().min_by_key(|id| of(&self.shared.load, id) + of(&self.arriving, id)).unwrap_or_default()
    }

    /// The node is about to drain: whoever asks for its readiness is told so.
    pub fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the node drains, or is about to.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    /// Tells every client that the server goes, one after another within `window`, a few of them faster; from now on the
    /// node is [`Lanes::is_draining`].
    pub async fn drain(&self, window: Duration) {
        /// So much of the window each client gets at most.
        const EACH_MAX: Duration = Duration::from_millis(2);
        const TICK: Duration = Duration::from_millis(20);
        self.leave();
        self.is_draining.store(true, Ordering::Relaxed);
        let most = u32::try_from(self.connections()).unwrap_or(u32::MAX);
        let window = window.min(EACH_MAX.saturating_mul(most));
        let ticks = u32::try_from(window.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX).max(1);
        for _ in 1..ticks {
            let lanes = u32::try_from(self.shared.mailboxes.len()).unwrap_or(1);
            let share = most.div_ceil(ticks * lanes) as usize;
            self.ask_all(move |lane| lane.handle(lane::Event::Drain { at_most: share })).await;
            tokio::time::sleep(TICK).await;
        }
        self.ask_all(|lane| lane.handle(lane::Event::Drain { at_most: usize::MAX })).await;
    }

    /// From now on these are the limits; of some, for clients that come from now on.
    pub fn set_limits(&self, limits: &Limits) {
        for id in self.ids() {
            let limits = limits.clone();
            self.run(id, move |handle| handle.with_lane(|lane| lane.set_limits(limits)));
        }
    }

    /// What takes the backend this long is counted and told from now on; none: nothing is.
    pub fn set_slow(&self, slow: Option<Duration>) {
        for id in self.ids() {
            self.run(id, move |handle| handle.with_lane(|lane| lane.set_slow(slow)));
        }
    }

    /// From now on these are the rules, for who is connected too; see [`lane::Lane::set_rules`].
    pub fn set_rules(&self, setup: &lane::Setup) {
        for id in self.ids() {
            let setup = setup.clone();
            self.run(id, move |handle| handle.set_rules(&setup));
        }
    }

    /// Whether the node takes no new clients, since it is about to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// A place for one client more, if then there are at most `most`: also of those whose handshakes are under way.
    pub fn admit(&self, most: usize) -> Option<Admission> {
        let before = self.admitted.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(self.admitted.clone());
        (self.connections() + before < most).then_some(admission)
    }

    /// Runs `call` on the thread that the backend lives on.
    pub fn run_beside_backend(&self, call: impl FnOnce(&LaneHandle) + Send + 'static) {
        self.run(BACKEND_LANE, call);
    }

    /// Waits until the backend wants the process to end.
    pub async fn end_wanted(&self) {
        self.shared.ending.notified().await;
    }

    /// How the backend is. `None` while the node stops.
    pub async fn backend_report(&self) -> Option<Report> {
        let (tell, answer) = tokio::sync::oneshot::channel();
        self.run(BACKEND_LANE, move |handle| drop(tell.send(handle.backend_report())));
        answer.await.ok().flatten()
    }

    /// How many connections the node has.
    pub fn connections(&self) -> usize {
        self.shared.load.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Asks every lane and gathers the answers, in the lanes' order. Lanes that stop meanwhile are left out.
    pub async fn ask_all<R: Send + 'static>(&self, ask: impl Fn(&LaneHandle) -> R + Send + Clone + 'static) -> Vec<R> {
        let mut answers = Vec::new();
        let mut waiting = Vec::new();
        for id in self.ids() {
            let (ask, (tell, answer)) = (ask.clone(), tokio::sync::oneshot::channel());
            self.run(id, move |handle| drop(tell.send(ask(handle))));
            waiting.push(answer);
        }
        for answer in waiting {
            answers.extend(answer.await.ok());
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::backend::{BackendEvent, BackendRequest};
    use model::command::CommandTable;
    use model::{Format, Limits, Time};
    use std::sync::mpsc;

    struct Nothing;

    impl Backend for Nothing {
        fn handle(&mut self, _: LaneId, _: BackendRequest, _: crate::Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}

        fn next_timeout(&self, _: crate::Moment) -> Option<Time> {
            None
        }

        fn handle_timeout(&mut self, _: crate::Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}
    }

    fn node(lanes: u16) -> Node {
        let setup = lane::Setup::new(lanes, "test", Limits::default(), CommandTable::redis(), &[], &[]).unwrap();
        start(NodeConfig { setup, mailbox_bytes_max: 1 << 20, backend: || Box::new(Nothing) as Box<dyn Backend> })
            .unwrap()
    }

    #[test]
    fn sockets_that_come_at_once_are_spread_before_any_of_them_is_a_client() {
        let node = node(3);
        let (tell, told) = mpsc::channel();
        for _ in 0..30 {
            let tell = tell.clone();
            node.lanes().hand_over(move |lane, arrival| tell.send((lane.id(), arrival)).unwrap());
        }
        let arrivals: Vec<(LaneId, Arrival)> = told.iter().take(30).collect();
        for lane in node.lanes().ids() {
            assert_eq!(arrivals.iter().filter(|(id, _)| *id == lane).count(), 10);
        }
        drop(arrivals);
        assert!(node.lanes().arriving.iter().all(|count| count.load(Ordering::Relaxed) == 0));
        node.stop();
    }

    /// A client that is told to close and does.
    struct Told(std::cell::Cell<bool>);

    impl crate::Connection for Told {
        fn try_write(&self, _: &[std::io::IoSlice<'_>]) -> crate::Written {
            crate::Written::Pulls
        }

        fn wake(&self) {}

        fn close(&self, _: model::CloseCode) {
            self.0.set(true);
        }

        fn abort(&self) {}
    }

    #[test]
    fn a_node_drains_within_its_window_and_stops() {
        let node = node(2);
        let lanes = node.lanes();
        assert!(!lanes.is_draining() && !lanes.is_leaving());
        for _ in 0..100 {
            lanes.hand_over(|lane, _| drop(lane.connect(Format::Native, |_| std::rc::Rc::new(Told(false.into())))));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            lanes.ask_all(|_| ()).await;
            let begun = tokio::time::Instant::now();
            lanes.drain(Duration::from_millis(100)).await;
            assert!((80..1000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
            let closed: u64 = lanes.ask_all(|lane| lane.with_lane(|lane| lane.counters().closed)).await.iter().sum();
            assert_eq!(closed, 100);
        });
        assert!(lanes.is_draining() && lanes.is_leaving());
        node.stop();
    }
}
