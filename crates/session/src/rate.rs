//! How many requests a connection may send: a token bucket in eight bytes.
//!
//! Kept is not how many tokens there are but when the bucket will be full again (the generic cell rate algorithm), which
//! needs no refilling.

use model::{Limits, Time};

/// A connection's bucket; full at first.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Rate {
    /// When the bucket is full, in nanoseconds of [`Time`]; in the past: it is.
    full_at_ns: u64,
}

impl Rate {
    /// Takes a token, if there is one. Always if the limit is 0.
    pub fn take(&mut self, limits: &Limits, now: Time) -> bool {
        if limits.requests_per_second_max == 0 {
            return true;
        }
        let token_ns = 1_000_000_000 / u64::from(limits.requests_per_second_max);
        let bucket_ns = token_ns.saturating_mul(limits.requests_burst_max.max(1).into());
        let now_ns = now.0.saturating_mul(1000);
        let full_at_ns = self.full_at_ns.max(now_ns).saturating_add(token_ns);
        let enough = full_at_ns - now_ns <= bucket_ns;
        if enough {
            self.full_at_ns = full_at_ns;
        }
        enough
    }
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
}
