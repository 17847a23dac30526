//! Time as the machines see it: an argument, never a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of the monotonic clock: microseconds since some moment before the process's first event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Time(pub u64);

impl Time {
    /// The first moment there is.
    pub const ZERO: Time = Time(0);

    /// A moment that many milliseconds after [`Time::ZERO`].
    pub const fn from_millis(ms: u64) -> Time {
        Time(ms * 1000)
    }

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}
