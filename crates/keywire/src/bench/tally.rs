//! What the crowd counts.

use hdrhistogram::Histogram;
use std::ops::Range;

/// Latencies in nanoseconds, to three digits, up to ten minutes.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1000, 600_000_000_000, 3).expect("the bounds are sound")
}

/// Counts of all connections together.
pub struct Tally {
    /// Messages whose intended time is in here are measured.
    pub window: Range<u64>,
    /// Of the measured messages.
    pub latency: Histogram<u64>,
    /// Measured messages that arrived.
    pub measured: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// When the last measured message arrived.
    pub last: u64,
    /// Messages that arrived, measured or not.
    pub delivered: u64,
    /// Messages that the server said it had not sent.
    pub missed_told: u64,
    /// Messages that came twice or after a later one.
    pub disordered: u64,
    /// Connections that the server ended.
    pub closed: u64,
    /// Why it ended the first of them.
    pub first_reason: Option<String>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(window: Range<u64>) -> Tally {
        Tally {
            window,
            latency: histogram(),
            measured: 0,
            bytes: 0,
            last: 0,
            delivered: 0,
            missed_told: 0,
            disordered: 0,
            closed: 0,
            first_reason: None,
        }
    }

    /// A message that was to be sent at `intended` arrived at `now` in a frame of so many bytes.
    pub fn arrived(&mut self, intended: u64, now: u64, bytes: usize) {
        self.delivered += 1;
        if self.window.contains(&intended) {
            self.measured += 1;
            self.bytes += bytes as u64;
            self.last = now;
            self.latency.saturating_record(now.saturating_sub(intended));
        }
    }

    /// A connection ended.
    pub fn ended(&mut self, reason: &anyhow::Error) {
        self.closed += 1;
        self.first_reason.get_or_insert_with(|| format!("{reason:#}"));
    }

    /// Seconds from the window's beginning to its end, or to the last arrival if that was later.
    pub fn span_s(&self) -> f64 {
        (self.last.max(self.window.end) - self.window.start) as f64 / 1e9
    }

    /// One line while it runs.
    pub fn line(&self) -> String {
        let ms = |q| self.latency.value_at_quantile(q) as f64 / 1e6;
        format!("{} delivered, p50 {:.2} ms, p99 {:.2} ms", self.delivered, ms(0.5), ms(0.99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_of_the_window_are_measured() {
        let mut tally = Tally::new(1_000_000..2_000_000);
        for intended in [999_999, 1_000_000, 1_999_999, 2_000_000] {
            tally.arrived(intended, intended + 500_000, 10);
        }
        assert_eq!((tally.delivered, tally.measured, tally.bytes), (4, 2, 20));
        assert_eq!(tally.latency.max() / 1000, 500);
        assert_eq!(tally.last, 2_499_999);
    }
}
