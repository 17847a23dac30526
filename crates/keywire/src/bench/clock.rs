//! One clock for the pump and the crowd.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub fn now() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// How long until `at`; zero once it is past.
pub fn until(at: u64) -> Duration {
    Duration::from_nanos(at.saturating_sub(now()))
}

/// `d` as nanoseconds.
pub fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}
