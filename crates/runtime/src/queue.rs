//! Who has more to do than one turn has time for takes turns with the others.
//!
//! A lane's thread does what its clients want, and nobody may want so much that the others wait for it. What is quickly done is done at
//! once. What is not is done in the order in which it queues here, so much of it in each turn, and between two turns everybody
//! else is looked after. There are two lines: what an ordinary client needs once (an HTTP request, a signature to check) does not
//! stand behind the rest of floods of frames, of which one goes on in each turn. So however many clients flood, what an ordinary
//! one waits for is one turn, not all of them.

use crate::clock::Clock;
use model::Time;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How much of a turn's time a piece of work takes, about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// A request of HTTP.
    Small = 1,
    /// A signature to check.
    Half = 4,
    /// A [`Slice`] of a flood.
    Whole = 8,
}

/// What all shares of one turn make, in each line.
const TURN_SHARES: u32 = 8;
/// How long one client is served before others are.
const SLICE: Duration = Duration::from_micros(100);

/// The queue of a lane.
#[derive(Debug)]
pub(crate) struct Queue {
    quick: Line,
    floods: Line,
}

#[derive(Debug)]
struct Line {
    waiting: RefCell<VecDeque<Rc<Waiting>>>,
    /// Of this turn.
    shares_left: Cell<u32>,
}

#[derive(Debug)]
struct Waiting {
    share: Share,
    is_let_go: Cell<bool>,
    waker: RefCell<Waker>,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        let line = || Line { waiting: RefCell::default(), shares_left: Cell::new(TURN_SHARES) };
        Queue { quick: line(), floods: line() }
    }

    /// A new turn: lets go whom it has time for. Returns whether somebody still waits.
    pub(crate) fn let_go(&self) -> bool {
        let lines = [self.quick.let_go(), self.floods.let_go()];
        lines.contains(&true)
    }

    fn line(&self, share: Share) -> &Line {
        match share {
            Share::Small | Share::Half => &self.quick,
            Share::Whole => &self.floods,
        }
    }
}

impl Line {
    fn let_go(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        self.shares_left.set(TURN_SHARES);
        while let Some(next) = waiting.front() {
            // Who gave up waiting has dropped its side.
            let is_there = Rc::strong_count(next) > 1;
            if is_there && !self.take(next.share) {
                return true;
            }
            let next = waiting.pop_front().expect("it was there a moment ago");
            if is_there {
                next.is_let_go.set(true);
                next.waker.borrow().wake_by_ref();
            }
        }
        false
    }

    fn take(&self, share: Share) -> bool {
        let left = self.shares_left.get().checked_sub(share as u32);
        if let Some(left) = left {
            self.shares_left.set(left);
        }
        left.is_some()
    }
}

/// Waits until a turn has time for its share; see [`crate::LaneHandle::take_turn`].
#[derive(Debug)]
pub struct TakeTurn<W> {
    share: Share,
    /// Once it waits.
    waiting: Option<Rc<Waiting>>,
    /// Where to wait: its lane.
    lane: W,
}

/// Where there is a queue.
pub(crate) trait HasQueue {
    fn queue(&self) -> &Queue;
    /// Somebody has begun to wait: a turn is wanted.
    fn wants_turn(&self);
}

impl<W> TakeTurn<W> {
    pub(crate) fn new(lane: W, share: Share) -> TakeTurn<W> {
        TakeTurn { share, waiting: None, lane }
    }
}

impl<W: HasQueue + Unpin> Future for TakeTurn<W> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &self.waiting {
            waiting.waker.borrow_mut().clone_from(cx.waker());
            return if waiting.is_let_go.get() { Poll::Ready(()) } else { Poll::Pending };
        }
        let line = self.lane.queue().line(self.share);
        if line.waiting.borrow().is_empty() && line.take(self.share) {
            return Poll::Ready(());
        }
        let (share, is_let_go, waker) = (self.share, Cell::new(false), RefCell::new(cx.waker().clone()));
        let waiting = Rc::new(Waiting { share, is_let_go, waker });
        line.waiting.borrow_mut().push_back(waiting.clone());
        self.lane.wants_turn();
        self.waiting = Some(waiting);
        Poll::Pending
    }
}

/// The time that one client is served before others are.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    end: Time,
}

impl Slice {
    pub(crate) fn begin(clock: Clock) -> Slice {
        Slice { end: clock.now() + SLICE }
    }

    /// Whether it began less than so long ago.
    pub fn is_within(&self, time: Duration, clock: Clock) -> bool {
        clock.now() + SLICE < self.end + time
    }

    /// Whether others are to be served now.
    pub fn is_over(&self, clock: Clock) -> bool {
        clock.now() >= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Lane(Queue, Cell<usize>);

    impl HasQueue for Rc<Lane> {
        fn queue(&self) -> &Queue {
            &self.0
        }

        fn wants_turn(&self) {
            self.1.set(self.1.get() + 1);
        }
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lane() -> Rc<Lane> {
        Rc::new(Lane(Queue::new(), Cell::new(0)))
    }

    fn poll(turn: &mut TakeTurn<Rc<Lane>>, count: &Arc<Count>) -> bool {
        Pin::new(turn).poll(&mut Context::from_waker(&count.clone().into())).is_ready()
    }

    #[test]
    fn a_turn_has_time_for_so_much_and_the_rest_waits_in_order() {
        let (lane, woken) = (lane(), Arc::<Count>::default());
        let mut turns: Vec<_> = (0..20).map(|_| TakeTurn::new(lane.clone(), Share::Small)).collect();
        let at_once = turns.iter_mut().filter_map(|turn| poll(turn, &woken).then_some(())).count();
        assert_eq!((at_once, lane.1.get()), (8, 12), "a turn is wanted for each that waits");
        assert!(lane.0.let_go(), "four still wait");
        assert_eq!(woken.0.load(Ordering::Relaxed), 8);
        let ready: Vec<bool> = turns[8..].iter_mut().map(|turn| poll(turn, &woken)).collect();
        assert_eq!(ready, [[true; 8].as_slice(), &[false; 4]].concat());
        let mut late = TakeTurn::new(lane.clone(), Share::Small);
        assert!(!poll(&mut late, &woken), "nobody overtakes");
        assert!(!lane.0.let_go() && poll(&mut late, &woken));
    }

    #[test]
    fn floods_have_a_turn_each() {
        let (lane, woken) = (lane(), Arc::<Count>::default());
        let mut floods: Vec<_> = (0..3).map(|_| TakeTurn::new(lane.clone(), Share::Whole)).collect();
        assert_eq!(floods.iter_mut().map(|turn| poll(turn, &woken)).collect::<Vec<_>>(), [true, false, false]);
        assert!(lane.0.let_go() && poll(&mut floods[1], &woken) && !poll(&mut floods[2], &woken));
        assert!(!lane.0.let_go() && poll(&mut floods[2], &woken));
    }

    #[test]
    fn what_is_quickly_done_does_not_wait_behind_floods() {
        let (lane, woken) = (lane(), Arc::<Count>::default());
        let mut floods: Vec<_> = (0..100).map(|_| TakeTurn::new(lane.clone(), Share::Whole)).collect();
        assert_eq!(floods.iter_mut().filter_map(|turn| poll(turn, &woken).then_some(())).count(), 1);
        let shares = [Share::Half, Share::Small, Share::Small, Share::Half];
        let mut quick: Vec<_> = shares.map(|share| TakeTurn::new(lane.clone(), share)).into();
        assert_eq!(quick.iter_mut().map(|turn| poll(turn, &woken)).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(lane.0.let_go() && poll(&mut quick[3], &woken), "the next turn has time for it");
        assert_eq!(floods[1..].iter_mut().filter_map(|turn| poll(turn, &woken).then_some(())).count(), 1);
    }

    #[test]
    fn who_gives_up_holds_nobody_up() {
        let (lane, woken) = (lane(), Arc::<Count>::default());
        let mut turns: Vec<_> = (0..4).map(|_| TakeTurn::new(lane.clone(), Share::Whole)).collect();
        assert_eq!(turns.iter_mut().filter_map(|turn| poll(turn, &woken).then_some(())).count(), 1);
        turns.drain(1..3);
        assert!(!lane.0.let_go() && poll(&mut turns[1], &woken));
    }

    #[test]
    fn a_slice_ends() {
        let clock = Clock::start();
        let slice = Slice::begin(clock);
        assert!(slice.is_within(Duration::from_secs(60), clock) && !slice.is_within(Duration::ZERO, clock));
        std::thread::sleep(SLICE);
        assert!(slice.is_over(clock));
    }
}
