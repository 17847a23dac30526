//! A tracking table that is smaller than what is watched.
//!
//! Then each read makes the server forget another key and tell of it, which is read again, and so on, as fast as the
//! server can: thousands of reads a second though nobody writes. It shows in invalidations whose reads find nothing new.
//! Second by second they are counted; where nearly all are in vain the server is asked how full its table is, and unless it
//! says that there is room, reads that were done before are spaced: ever wider while it goes on, narrower when it ends.

use model::Time;
use std::time::Duration;

/// Over this time it is counted.
const WINDOW: Duration = Duration::from_secs(1);
/// Fewer vain invalidations in a window are nobody's harm.
const VAIN_MIN: u32 = 200;
/// Reads a second, by level; level 0 is without limit.
const RATES: [u32; 6] = [1000, 500, 250, 125, 64, 32];
/// When the table was found to have room, it is not asked for again so long.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What is to be done at the end of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Same,
    /// Ask the server how full its table is.
    Ask,
    /// Reads are spaced to so many a second now.
    Spaced(u32),
    /// They are not any more.
    Free,
}

/// The spacing of reads at one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spacing {
    window_at: Time,
    told: u32,
    changed: u32,
    level: usize,
    next_at: Time,
    is_asking: bool,
    ask_after: Time,
    keys_max: Option<u64>,
}

impl Spacing {
    /// The server told that a watched key changed.
    pub fn invalidated(&mut self, now: Time) {
        if self.told == 0 && self.changed == 0 && self.level == 0 {
            self.window_at = now;
        }
        self.told += 1;
    }

    /// A read found something new.
    pub fn changed(&mut self) {
        self.changed += 1;
    }

    /// When the window ends that is counted; none if nothing is.
    pub fn next_timeout(&self) -> Option<Time> {
        (self.told > 0 || self.level > 0).then(|| self.window_at + WINDOW)
    }

    /// A window has ended.
    pub fn end_window(&mut self, now: Time) -> Verdict {
        let is_vain = self.changed < self.told / 10 && self.told >= self.vain_min();
        self.window_at = now;
        (self.told, self.changed) = (0, 0);
        match (is_vain, self.level) {
            (true, 0) if !self.is_asking && now >= self.ask_after => {
                self.is_asking = true;
                Verdict::Ask
            }
            (true, level) if level > 0 && level < RATES.len() => self.set_level(level + 1),
            (false, level) if level > 0 => self.set_level(level - 1),
            _ => Verdict::Same,
        }
    }

    fn vain_min(&self) -> u32 {
        self.rate().map_or(VAIN_MIN, |rate| (rate / 2).min(VAIN_MIN))
    }

    fn set_level(&mut self, level: usize) -> Verdict {
        self.level = level;
        self.rate().map_or(Verdict::Free, Verdict::Spaced)
    }

    /// The connection is gone on which it was asked.
    pub fn connection_lost(&mut self) {
        self.is_asking = false;
    }

    /// How many keys the table takes, if the server says so.
    pub fn learned_keys_max(&mut self, max: Option<u64>) {
        self.keys_max = max;
    }

    pub fn keys_max(&self) -> Option<u64> {
        self.keys_max
    }

    /// How many keys the table has; none if the server does not say.
    pub fn learned_keys(&mut self, keys: Option<u64>, now: Time) -> Verdict {
        self.is_asking = false;
        let has_room = match (self.keys_max, keys) {
            (Some(0), _) => true,
            (Some(max), Some(keys)) => keys < max - max / 20,
            _ => false,
        };
        if has_room {
            // Values are written that do not change: each is read as it should be.
            self.ask_after = now + ASK_AGAIN;
            return Verdict::Same;
        }
        if self.level == 0 { self.set_level(1) } else { Verdict::Same }
    }

    /// Reads a second that may be done again; none: without limit.
    pub fn rate(&self) -> Option<u32> {
        self.level.checked_sub(1).map(|at| RATES[at])
    }

    /// When the next read may be done again.
    pub fn next_at(&self) -> Time {
        if self.level == 0 { Time::ZERO } else { self.next_at }
    }

    /// One is done.
    pub fn spend(&mut self, now: Time) {
        if let Some(rate) = self.rate() {
            self.next_at = now.max(self.next_at) + Duration::from_secs(1) / rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(spacing: &mut Spacing, told: u32, changed: u32, now: u64) -> Verdict {
        (0..told).for_each(|_| spacing.invalidated(Time::from_millis(now)));
        (0..changed).for_each(|_| spacing.changed());
        spacing.end_window(Time::from_millis(now + 1000))
    }

    #[test]
    fn invalidations_in_vain_are_spaced_and_set_free_when_they_end() {
        let mut spacing = Spacing::default();
        assert_eq!(window(&mut spacing, VAIN_MIN - 1, 0, 0), Verdict::Same);
        assert_eq!(window(&mut spacing, 1000, 101, 1000), Verdict::Same, "values do change");
        assert_eq!(window(&mut spacing, 1000, 99, 2000), Verdict::Ask);
        assert_eq!(window(&mut spacing, 1000, 0, 3000), Verdict::Same, "once");
        spacing.learned_keys_max(Some(100));
        assert_eq!(spacing.learned_keys(Some(100), Time::ZERO), Verdict::Spaced(1000));
        assert_eq!(window(&mut spacing, 900, 0, 4000), Verdict::Spaced(500));
        assert_eq!(window(&mut spacing, 500, 0, 5000), Verdict::Spaced(250));
        assert_eq!(window(&mut spacing, 3, 0, 6000), Verdict::Spaced(500));
        assert_eq!(window(&mut spacing, 0, 0, 7000), Verdict::Spaced(1000));
        assert_eq!(window(&mut spacing, 0, 0, 8000), Verdict::Free);
        assert_eq!(spacing.next_timeout(), None);
    }

    #[test]
    fn a_table_with_room_is_not_to_blame() {
        for (max, keys, verdict) in [
            (Some(0), Some(9), Verdict::Same),
            (Some(100), Some(94), Verdict::Same),
            (Some(100), Some(95), Verdict::Spaced(1000)),
            (None, Some(1), Verdict::Spaced(1000)),
            (Some(100), None, Verdict::Spaced(1000)),
        ] {
            let mut spacing = Spacing::default();
            assert_eq!(window(&mut spacing, 1000, 0, 0), Verdict::Ask);
            spacing.learned_keys_max(max);
            assert_eq!(spacing.learned_keys(keys, Time::from_millis(1000)), verdict, "{max:?} {keys:?}");
        }
        let mut spacing = Spacing::default();
        window(&mut spacing, 1000, 0, 0);
        spacing.learned_keys_max(Some(0));
        spacing.learned_keys(Some(9), Time::from_millis(1000));
        assert_eq!(window(&mut spacing, 1000, 0, 2000), Verdict::Same, "not asked every second");
        assert_eq!(window(&mut spacing, 1000, 0, 20_000), Verdict::Ask);
    }

    #[test]
    fn reads_are_as_far_apart_as_the_rate_says() {
        let mut spacing = Spacing { level: 5, ..Spacing::default() };
        assert_eq!(spacing.rate(), Some(64));
        spacing.spend(Time::from_millis(1000));
        assert_eq!(spacing.next_at(), Time(1_015_625));
        let rates: Vec<u32> = (0..9)
            .map(|_| {
                spacing.set_level((spacing.level + 1).min(6));
                spacing.rate().unwrap()
            })
            .collect();
        assert_eq!(rates.last(), Some(&32), "never none");
    }
}
