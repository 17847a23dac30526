//! One lane's shell with a backend and connections made up here.

use super::*;
use bytes::Bytes;
use model::command::CommandTable;
use model::{Limits, Reply, Request, Verb};
use std::collections::BTreeSet;
use std::time::Duration;

/// Answers every read with as many bytes as there were commands, and a command changes every key that was read.
#[derive(Default)]
struct Counting {
    commands: usize,
    armed: BTreeSet<Bytes>,
}

impl Backend for Counting {
    fn handle(&mut self, from: LaneId, request: BackendRequest, _: Moment, out: &mut Vec<(LaneId, BackendEvent)>) {
        match request {
            BackendRequest::Command { ticket, .. } => {
                self.commands += 1;
                let keys = std::mem::take(&mut self.armed).into_iter().collect();
                out.push((from, BackendEvent::Invalidated { keys }));
                out.push((from, BackendEvent::Reply { ticket, reply: Reply::OK }));
            }
            BackendRequest::Read { watch, keys, .. } => {
                self.armed.extend(keys.iter().cloned());
                let reply = Some(Reply::bulk(format!("{}#{}#", "x".repeat(500), self.commands)));
                out.push((from, BackendEvent::Value { watch, reply, expires_in: None }));
            }
            BackendRequest::Forget { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn next_timeout(&self, _: Moment) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _: Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}
}

/// Answers commands from a task of its own, once they have been flushed.
#[derive(Default)]
struct Distant(Rc<Far>);

#[derive(Default)]
struct Far {
    queued: RefCell<Vec<(LaneId, model::Ticket)>>,
    flushed: RefCell<Vec<(LaneId, model::Ticket)>>,
    flushes: Cell<usize>,
    events: RefCell<Vec<(LaneId, BackendEvent)>>,
    sent: tokio::sync::Notify,
}

impl Backend for Distant {
    fn start(&mut self, _: Clock, waker: Waker) {
        let far = self.0.clone();
        tokio::task::spawn_local(async move {
            loop {
                far.sent.notified().await;
                let flushed = far.flushed.take();
                let replies =
                    flushed.into_iter().map(|(to, t)| (to, BackendEvent::Reply { ticket: t, reply: Reply::OK }));
                far.events.borrow_mut().extend(replies);
                waker.wake();
            }
        });
    }

    fn handle(&mut self, from: LaneId, request: BackendRequest, _: Moment, _: &mut Vec<(LaneId, BackendEvent)>) {
        let BackendRequest::Command { ticket, .. } = request else { panic!("{request:?}") };
        self.0.queued.borrow_mut().push((from, ticket));
    }

    fn take_events(&mut self, out: &mut Vec<(LaneId, BackendEvent)>, _: Moment) {
        out.append(&mut self.0.events.borrow_mut());
    }

    fn flush(&mut self) {
        let mut queued = self.0.queued.borrow_mut();
        if !queued.is_empty() {
            self.0.flushed.borrow_mut().append(&mut queued);
            self.0.flushes.set(self.0.flushes.get() + 1);
            self.0.sent.notify_one();
        }
    }

    fn next_timeout(&self, _: Moment) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _: Moment, _: &mut Vec<(LaneId, BackendEvent)>) {}
}

/// A client whose socket takes everything, or nothing.
struct Client {
    conn: ConnId,
    is_stuck: Cell<bool>,
    text: RefCell<String>,
}

impl Connection for Client {
    fn try_write(&self, chunks: &[IoSlice<'_>]) -> Written {
        if self.is_stuck.get() {
            return Written::Blocked;
        }
        chunks.iter().for_each(|chunk| self.text.borrow_mut().push_str(&String::from_utf8_lossy(chunk)));
        Written::Bytes(chunks.iter().map(|chunk| chunk.len()).sum())
    }

    fn wake(&self) {}
    fn close(&self, code: CloseCode) {
        self.text.borrow_mut().push_str(&format!("<closed {code:?}>"));
    }
    fn abort(&self) {}
}

impl Client {
    fn connect(lane: &LaneHandle) -> Rc<Client> {
        let made = |conn| Rc::new(Client { conn, is_stuck: Cell::new(false), text: RefCell::default() });
        lane.connect(Format::Native, made)
    }

    fn ask(&self, lane: &LaneHandle, id: u64, verb: Verb) {
        lane.handle(Event::Request { conn: self.conn, request: Request { id: Some(id), verb } });
    }

    fn count(&self, text: &str) -> usize {
        self.text.borrow().matches(text).count()
    }
}

fn words(line: &str) -> model::Args {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

/// A lane as `node.rs` makes it, driven on this thread while `test` runs.
fn with_lane<F: Future<Output = ()>>(limits: Limits, test: impl FnOnce(LaneHandle) -> F) {
    with_backend(limits, Box::new(Counting::default()), test);
}

fn with_backend<F: Future<Output = ()>>(limits: Limits, backend: Box<dyn Backend>, test: impl FnOnce(LaneHandle) -> F) {
    let setup = lane::Setup::new(1, "test", limits, CommandTable::redis(), &["~* &* +@all".to_owned()], &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default()).unwrap();
    let mailboxes: Arc<[Mailbox<Letter>]> = [Mailbox::new(1 << 20)].into_iter().collect();
    let load: Arc<[AtomicUsize]> = [AtomicUsize::new(0)].into_iter().collect();
    let lane = Lane::new(setup.lane(LaneId(0)));
    let shared = Shared { mailboxes, load, ending: Arc::default(), allowances: Default::default() };
    let handle = LaneHandle::new(lane, LaneId(0), Clock::start(), Some(backend), LaneId(0), shared);
    runtime.block_on(async move {
        let pump = handle.clone();
        let pumping = tokio::task::spawn_local(async move { pump.pump().await });
        test(handle.clone()).await;
        handle.stop();
        pumping.await.unwrap();
    });
}

/// Waits, but less than the lane's own sweep does, until `what` is so.
async fn soon(what: impl Fn() -> bool) {
    for _ in 0..300 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("not in time");
}

#[test]
fn a_request_is_answered_and_a_client_that_left_is_forgotten() {
    with_lane(Limits::default(), |lane| async move {
        let client = Client::connect(&lane);
        client.ask(&lane, 1, Verb::Command(words("SET k v")));
        soon(|| client.count(r#"{"id":1,"result":"OK"}"#) == 1).await;
        lane.disconnect(client.conn);
        lane.disconnect(client.conn);
        client.ask(&lane, 2, Verb::Command(words("SET k v")));
        assert_eq!(lane.with_lane(|lane| lane.client_count()), 0);
        assert_eq!(lane.0.load[0].load(Ordering::Relaxed), 0);
    });
}

#[test]
fn what_a_backends_own_task_learns_is_told_in_a_turn_of_its_own_and_each_turn_flushes_once() {
    let far = Rc::new(Far::default());
    let seen = far.clone();
    with_backend(Limits::default(), Box::new(Distant(far)), |lane| async move {
        let client = Client::connect(&lane);
        (0..10).for_each(|id| client.ask(&lane, id, Verb::Command(words("SET k v"))));
        soon(|| client.count(r#""result":"OK""#) == 10).await;
        assert_eq!(seen.flushes.get(), 1, "ten requests of one turn are one write");
    });
}

#[test]
fn letters_that_never_end_leave_time_for_the_connections() {
    const LETTERS: u32 = 10_000;
    /// A letter whose arrival posts the next.
    fn again(lane: &LaneHandle, left: u32) {
        if left > 0 {
            lane.mailbox().post(Letter::Run(Box::new(move |lane| again(lane, left - 1))), 0);
        }
    }
    with_lane(Limits::default(), |lane| async move {
        again(&lane, LETTERS);
        let turns = Cell::new(0);
        while lane.mailbox().room() && turns.get() < 100 {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
        let mut letters = Vec::new();
        lane.mailbox().take(&mut letters);
        assert_eq!(letters.len(), 1, "the flood was over before anybody else had a turn");
    });
}

#[test]
fn many_feeds_of_a_slow_client_are_made_good_as_soon_as_it_reads() {
    const FEEDS: usize = 60;
    let limits = Limits { outbox_bytes_max: 16 << 10, value_bytes_max: 4 << 10, ..Limits::default() };
    with_lane(limits, |lane| async move {
        let (slow, writer) = (Client::connect(&lane), Client::connect(&lane));
        for n in 0..FEEDS {
            let command = words(&format!("GET key{n}"));
            slow.ask(&lane, n as u64, Verb::Live { command, every_ms: Some(0), json: false, have: None });
            soon(|| slow.count("#0#") == n + 1).await;
        }
        slow.is_stuck.set(true);
        for id in 0..3 {
            writer.ask(&lane, id, Verb::Command(words("SET any v")));
            soon(|| writer.count(r#""result":"OK""#) as u64 == id + 1).await;
        }
        slow.is_stuck.set(false);
        lane.flush(slow.conn);
        soon(|| slow.count("#3#") == FEEDS).await;
    });
}
