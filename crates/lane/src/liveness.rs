//! Whether a client is still there: pings, half frames, closes that are not answered.
//!
//! Each client is looked at by a sweep of the lane, not by a timer of its own: four numbers a client, and one timer.

use model::{Limits, Time};
use std::time::Duration;

/// When a client was heard, and what it owes.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    /// When the client came.
    since: Time,
    /// When the last ping was sent, or the client came.
    pinged: Time,
    /// Since when the rest of a message, or a close frame's answer, is waited for.
    waiting_since: Option<Time>,
    /// Pings sent since anything was heard.
    unanswered: u8,
}

/// What a sweep found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Nothing to do.
    Fine,
    /// Time for a ping.
    Ping,
    /// It did not answer, or left half a message for too long.
    Gone,
}

/// "closes after two without an answer"
const UNANSWERED_MAX: u8 = 2;

impl Liveness {
    /// A client that comes now.
    pub fn new(now: Time) -> Liveness {
        Liveness { since: now, pinged: now, waiting_since: None, unanswered: 0 }
    }

    /// When the client came.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Something came: `whole`, a message ended in it; `partial`, the rest of one is missing. A client that sends without
    /// a pause always leaves half a message, but never the same one.
    pub fn heard(&mut self, whole: bool, partial: bool, now: Time) {
        self.unanswered = 0;
        let since = self.waiting_since.filter(|_| !whole).unwrap_or(now);
        self.waiting_since = partial.then_some(since);
    }

    /// The close frame is queued: the rest must be over in time, whatever is heard meanwhile.
    pub fn closing(&mut self, now: Time) {
        self.waiting_since = Some(now);
    }

    /// Looks at the client. `answers`: the client's format can answer pings.
    pub fn sweep(&mut self, limits: &Limits, answers: bool, now: Time) -> Finding {
        if self.waiting_since.is_some_and(|since| now - since >= Duration::from_millis(limits.frame_timeout_ms)) {
            return Finding::Gone;
        }
        if now - self.pinged < Duration::from_millis(limits.ping_interval_ms) {
            return Finding::Fine;
        }
        if answers && self.unanswered >= UNANSWERED_MAX {
            return Finding::Gone;
        }
        self.pinged = now;
        self.unanswered += u8::from(answers);
        Finding::Ping
    }
}

/// How often to sweep: often enough that no limit is overrun by more than a quarter.
pub fn sweep_interval(limits: &Limits) -> Duration {
    let shortest = limits.ping_interval_ms.min(limits.frame_timeout_ms).min(limits.auth_timeout_ms);
    Duration::from_millis((shortest / 4).clamp(10, 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { ping_interval_ms: 100, frame_timeout_ms: 40, ..Limits::default() }
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn two_pings_without_an_answer_are_the_end() {
        let mut client = Liveness::new(at(0));
        let findings: Vec<Finding> = [99, 100, 200, 299, 300].map(|ms| client.sweep(&limits(), true, at(ms))).to_vec();
        assert_eq!(findings, [Finding::Fine, Finding::Ping, Finding::Ping, Finding::Fine, Finding::Gone]);
    }

    #[test]
    fn anything_heard_is_an_answer() {
        let mut client = Liveness::new(at(0));
        for ms in (100..1000).step_by(100) {
            assert_eq!(client.sweep(&limits(), true, at(ms)), Finding::Ping);
            client.heard(true, false, at(ms + 1));
        }
    }

    #[test]
    fn who_cannot_answer_is_only_kept_awake() {
        let mut client = Liveness::new(at(0));
        for ms in (100..1000).step_by(100) {
            assert_eq!(client.sweep(&limits(), false, at(ms)), Finding::Ping);
        }
    }

    #[test]
    fn half_a_message_may_take_its_time_and_no_more() {
        let mut client = Liveness::new(at(0));
        client.heard(false, true, at(10));
        client.heard(false, true, at(30));
        assert_eq!(client.sweep(&limits(), true, at(49)), Finding::Fine);
        assert_eq!(client.sweep(&limits(), true, at(50)), Finding::Gone);
        client.heard(true, false, at(50));
        assert_eq!(client.sweep(&limits(), true, at(51)), Finding::Fine);
    }

    #[test]
    fn who_sends_without_a_pause_is_not_held_to_have_stopped() {
        let mut client = Liveness::new(at(0));
        for ms in (10..90).step_by(10) {
            client.heard(true, true, at(ms));
            assert_eq!(client.sweep(&limits(), true, at(ms)), Finding::Fine);
        }
        assert_eq!(client.sweep(&limits(), true, at(119)), Finding::Ping);
        assert_eq!(client.sweep(&limits(), true, at(120)), Finding::Gone);
    }
}
