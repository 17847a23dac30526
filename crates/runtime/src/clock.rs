//! The only clock of the process.

use model::Time;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The monotonic clock, for timers.
    pub time: Time,
    /// Milliseconds since 1970, for what Redis calls time.
    pub unix_ms: u64,
}

/// Tells the time, the same on every thread.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins now. One is enough for a process.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The monotonic time.
    pub fn now(&self) -> Time {
        // 1 at the start: nothing happens at `Time::ZERO`, so that it can mean "never".
        Time(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX) + 1)
    }

    /// Both clocks.
    pub fn moment(&self) -> Moment {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { time: self.now(), unix_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The moment of the operating system's clock that `time` is.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.start + time.since(Time(1))
    }
}
