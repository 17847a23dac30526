//! How many requests may be sent: token buckets in eight bytes, one of each connection and one that all connections of a
//! user share.
//!
//! Kept is not how many tokens there are but when the bucket will be full again (the generic cell rate algorithm), which
//! needs no refilling; and as it is one number, many threads can take from it without a lock.

use model::{Limits, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A connection's bucket; full at first.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Rate {
    /// When the bucket is full, in nanoseconds of [`Time`]; in the past: it is.
    full_at_ns: u64,
}

impl Rate {
    /// Takes a token, if there is one. Always if the limit is 0.
    pub fn take(&mut self, limits: &Limits, now: Time) -> bool {
        let left = taken(self.full_at_ns, limits.requests_per_second_max, limits.requests_burst_max, now);
        left.is_some_and(|full_at_ns| {
            self.full_at_ns = full_at_ns;
            true
        })
    }
}

/// What all connections of a user, or of an address, may ask together: a bucket that they share on whichever threads they
/// are; full at first.
#[derive(Clone, Default, Debug)]
pub struct Allowance(Arc<AtomicU64>);

impl Allowance {
    /// Takes a token, if there is one. Always if the limit is 0.
    pub(crate) fn take(&self, limits: &Limits, now: Time) -> bool {
        let (per_second, burst) = (limits.user_requests_per_second_max, limits.user_requests_burst_max);
        // The number stands for nothing else, so no order with other memory is needed.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| taken(full_at, per_second, burst, now))
            .is_ok()
    }

    /// Whether nothing would be forgotten with it: nobody else holds it, and it is full.
    pub fn is_idle(&self, now: Time) -> bool {
        Arc::strong_count(&self.0) == 1 && self.0.load(Ordering::Relaxed) <= nanoseconds(now)
    }
}

/// The same bucket, not one that is as full.
impl PartialEq for Allowance {
    fn eq(&self, other: &Allowance) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Allowance {}

/// When the bucket will be full after a token was taken; none, if there is none.
fn taken(full_at_ns: u64, per_second: u32, burst: u32, now: Time) -> Option<u64> {
    if per_second == 0 {
        return Some(full_at_ns);
    }
    let token_ns = 1_000_000_000 / u64::from(per_second);
    let bucket_ns = token_ns.saturating_mul(burst.max(1).into());
    let now_ns = nanoseconds(now);
    let full_at_ns = full_at_ns.max(now_ns).saturating_add(token_ns);
    (full_at_ns - now_ns <= bucket_ns).then_some(full_at_ns)
}

fn nanoseconds(time: Time) -> u64 {
    time.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate, limits: &Limits, tries: usize, now: Time) -> usize {
        (0..tries).filter(|_| rate.take(limits, now)).count()
    }

    #[test]
    fn a_burst_goes_at_once_and_then_so_many_a_second() {
        let limits = Limits { requests_per_second_max: 10, requests_burst_max: 3, ..Limits::default() };
        let mut rate = Rate::default();
        assert_eq!(taken(&mut rate, &limits, 5, Time::ZERO), 3);
        assert_eq!(taken(&mut rate, &limits, 5, Time::from_millis(99)), 0);
        assert_eq!(taken(&mut rate, &limits, 5, Time::from_millis(100)), 1);
        assert_eq!(taken(&mut rate, &limits, 5, Time::from_millis(10_000)), 3);
    }

    #[test]
    fn zero_is_no_limit_and_a_burst_is_at_least_one() {
        let none = Limits { requests_per_second_max: 0, ..Limits::default() };
        assert_eq!(taken(&mut Rate::default(), &none, 10_000, Time::ZERO), 10_000);
        let one = Limits { requests_per_second_max: 1, requests_burst_max: 0, ..Limits::default() };
        assert_eq!(taken(&mut Rate::default(), &one, 10, Time::ZERO), 1);
    }

    #[test]
    fn those_who_share_an_allowance_share_its_tokens() {
        let limits = Limits { user_requests_per_second_max: 10, user_requests_burst_max: 3, ..Limits::default() };
        let one = Allowance::default();
        let other = one.clone();
        let took = |ms| [&one, &other, &one, &other].map(|bucket| bucket.take(&limits, Time::from_millis(ms)));
        assert_eq!(took(0), [true, true, true, false]);
        assert_eq!(took(99), [false; 4]);
        assert_eq!(took(100), [true, false, false, false]);
        assert!(!one.is_idle(Time::from_millis(9000)), "somebody else holds it");
        drop(other);
        assert!(!one.is_idle(Time::from_millis(399)) && one.is_idle(Time::from_millis(400)));
        assert!(one.take(&Limits::default(), Time::ZERO), "no limit");
    }

    #[test]
    fn threads_take_no_more_than_there_is() {
        let limits = Limits { user_requests_per_second_max: 1, user_requests_burst_max: 1000, ..Limits::default() };
        let all = Allowance::default();
        let take = || (0..1000).filter(|_| all.take(&limits, Time::ZERO)).count();
        let took: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(took, 1000);
    }
}
