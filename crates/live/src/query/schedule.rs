//! When a watch reads.
//!
//! A change is read at once, further ones at least the fastest feed's interval after the last read that was done for
//! a change; a read for an opener is done at once and spaces nothing. At most one read is under way. A key that
//! expires is read at its deadline, since the backend may not tell. What is only polled is read at every interval.

use crate::shared::Retry;
use model::Time;
use std::time::Duration;

/// Polled queries are read at most this often, whatever their pace.
const POLL_MIN: Duration = Duration::from_millis(100);
/// The backend's clock has milliseconds: a deadline is certain to have passed one of them later.
const CLOCK_STEP: Duration = Duration::from_millis(1);

#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    phase: Phase,
    /// Reads begun so far, which numbers them from 1.
    begun: u64,
    /// Something changed, or may have, since the last read was begun.
    dirty: bool,
    /// When the last read was begun.
    read_at: Option<Time>,
    /// When the last read was begun that was due to a change.
    change_read_at: Option<Time>,
    /// When a key that was read expires.
    expires_at: Option<Time>,
    retry: Retry,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    Idle,
    /// Waits for its turn.
    Queued,
    Reading {
        epoch: u64,
    },
}

/// A read whose answer is here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// Which read of the watch it was.
    pub number: u64,
    /// The epoch it was begun in.
    pub epoch: u64,
}

impl Schedule {
    /// When to read next, if nothing else happens; a moment that has passed means now. None while a read is under way
    /// or queued, and where there is nothing to read for.
    pub fn due(&self, interval: Duration, polled: bool, is_wanted: bool) -> Option<Time> {
        if !matches!(self.phase, Phase::Idle) {
            return None;
        }
        let spaced = self.change_read_at.map_or(Time::ZERO, |at| at + interval);
        let for_change = self.dirty.then_some(spaced);
        let for_expiry = self.expires_at.map(|at| at.max(spaced));
        let for_poll = polled.then(|| self.read_at.map_or(Time::ZERO, |at| at + interval.max(POLL_MIN)));
        let for_opener = is_wanted.then_some(Time::ZERO);
        let due = [for_change, for_expiry, for_poll, for_opener].into_iter().flatten().min()?;
        Some(due.max(self.retry.at()))
    }

    pub fn queued(&mut self) {
        self.phase = Phase::Queued;
    }

    pub fn begin(&mut self, now: Time, epoch: u64) {
        if self.dirty || self.is_expired(now) {
            self.change_read_at = Some(now);
        }
        self.begun += 1;
        self.dirty = false;
        self.expires_at = None;
        self.read_at = Some(now);
        self.phase = Phase::Reading { epoch };
    }

    /// The read's answer is here. None if no read is under way.
    pub fn finish(&mut self) -> Option<Finished> {
        let Phase::Reading { epoch } = self.phase else { return None };
        self.phase = Phase::Idle;
        Some(Finished { number: self.begun, epoch })
    }

    /// The answer was a value or an error, read at the latest now.
    pub fn succeeded(&mut self, expires_in: Option<Duration>, now: Time) {
        self.retry = Retry::default();
        self.expires_at = expires_in.map(|after| now + after + CLOCK_STEP);
    }

    /// The backend was not ready.
    pub fn failed(&mut self, now: Time) {
        self.dirty = true;
        self.retry.failed(now);
    }

    pub fn soil(&mut self) {
        self.dirty = true;
    }

    /// What was read last holds, as far as is known.
    pub fn is_clean(&self, now: Time) -> bool {
        matches!(self.phase, Phase::Idle) && !self.dirty && !self.is_expired(now)
    }

    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The number of the read under way.
    pub fn reading(&self) -> Option<u64> {
        matches!(self.phase, Phase::Reading { .. }).then_some(self.begun)
    }

    /// The number of the next read to be begun.
    pub fn upcoming(&self) -> u64 {
        self.begun + 1
    }

    pub fn retry(&self) -> &Retry {
        &self.retry
    }

    fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(50);

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn read(schedule: &mut Schedule, at: u64) {
        schedule.begin(ms(at), 0);
        assert_eq!(schedule.due(EVERY, true, true), None, "one read at a time");
        schedule.finish().unwrap();
        schedule.succeeded(None, ms(at));
    }

    #[test]
    fn the_first_change_goes_at_once_and_later_ones_are_spaced() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(EVERY, false, true), Some(Time::ZERO), "for the opener");
        read(&mut schedule, 1000);
        assert_eq!(schedule.due(EVERY, false, false), None, "nothing to read for");
        schedule.soil();
        assert_eq!(schedule.due(EVERY, false, false), Some(Time::ZERO), "the opener's read spaces nothing");
        read(&mut schedule, 1010);
        schedule.soil();
        assert_eq!(schedule.due(EVERY, false, false), Some(ms(1060)));
        assert_eq!(schedule.due(EVERY, false, true), Some(Time::ZERO), "an opener does not wait");
        assert_eq!(schedule.due(Duration::ZERO, false, false), Some(ms(1010)), "a faster feed makes it faster");
    }

    #[test]
    fn a_key_is_read_when_it_has_expired_and_not_before() {
        let mut schedule = Schedule::default();
        schedule.begin(ms(100), 0);
        schedule.finish().unwrap();
        schedule.succeeded(Some(Duration::from_millis(30)), ms(102));
        assert_eq!(schedule.due(EVERY, false, false), Some(ms(133)));
        assert!(schedule.is_clean(ms(132)) && !schedule.is_clean(ms(133)));
        schedule.begin(ms(133), 0);
        schedule.finish().unwrap();
        schedule.succeeded(Some(Duration::ZERO), ms(133));
        assert_eq!(schedule.due(Duration::ZERO, false, false), Some(ms(134)), "never without a pause");
    }

    #[test]
    fn what_is_polled_is_read_at_every_interval_but_not_faster_than_a_tenth_of_a_second() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(EVERY, true, false), Some(Time::ZERO));
        read(&mut schedule, 1000);
        assert_eq!(schedule.due(EVERY, true, false), Some(ms(1100)));
        assert_eq!(schedule.due(Duration::from_secs(1), true, false), Some(ms(2000)));
    }

    #[test]
    fn a_failed_read_is_tried_again_later_even_for_an_opener() {
        let mut schedule = Schedule::default();
        schedule.begin(ms(1000), 0);
        schedule.finish().unwrap();
        schedule.failed(ms(1000));
        assert_eq!(schedule.due(EVERY, false, true), Some(ms(1050)));
        assert!(schedule.is_dirty());
        schedule.begin(ms(1050), 0);
        schedule.finish().unwrap();
        schedule.succeeded(None, ms(1050));
        assert!(schedule.is_clean(ms(1050)));
        assert_eq!(schedule.due(EVERY, false, true), Some(Time::ZERO), "the failure is forgotten");
    }
}
