//! What every part of the machine is given when something happens: the connections, the numbers, the time, and where
//! outputs go.

use crate::interface::{Config, LinkId, Notice, Output, Statistics};
use crate::link::{Expected, Links};
use bytes::Bytes;
use model::backend::BackendEvent;
use model::{Args, LaneId, Time};
use std::collections::VecDeque;
use std::time::Duration;

/// What the parts share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub config: Config,
    pub links: Links,
    pub statistics: Statistics,
    pub random: Random,
    pub told: Told,
}

/// What the operator was told lately, so that an attempt that fails twice a second is not told as often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(VecDeque<(Notice, Time)>);

impl Told {
    /// What goes on is told again after so long.
    const AGAIN: Duration = Duration::from_secs(60);
    /// So many are remembered.
    const MAX: usize = 64;

    fn is_news(&mut self, notice: &Notice, now: Time) -> bool {
        let goes_on = matches!(
            notice,
            Notice::LoginRefused { .. }
                | Notice::Refused { .. }
                | Notice::NotReady { .. }
                | Notice::NotMaster { .. }
                | Notice::MasterUnknown { .. }
                | Notice::OldProtocol { .. }
                | Notice::Fallback { .. }
                | Notice::Replica { .. }
                | Notice::MessageTooBig { .. }
        );
        if !goes_on {
            return true;
        }
        self.0.retain(|(_, at)| now < *at + Told::AGAIN);
        if self.0.iter().any(|(known, _)| known == notice) {
            return false;
        }
        if self.0.len() == Told::MAX {
            self.0.pop_front();
        }
        self.0.push_back((notice.clone(), now));
        true
    }
}

/// One thing that happens.
pub(crate) struct Turn<'a> {
    pub shared: &'a mut Shared,
    pub now: Time,
    pub out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    /// Sends a command whose answer is `expected`.
    pub fn send(&mut self, link: LinkId, command: Args, expected: Expected) {
        let Some(found) = self.shared.links.get_mut(link) else { return };
        found.expect(expected, self.now);
        self.out.push(Output::Send { link, command });
    }

    pub fn tell(&mut self, lane: LaneId, event: BackendEvent) {
        self.out.push(Output::Event { lane, event });
    }

    /// Tells every lane.
    pub fn tell_all(&mut self, event: &BackendEvent) {
        for lane in 0..self.shared.config.lanes {
            self.tell(LaneId(lane), event.clone());
        }
    }

    /// Tells the operator; of what goes on, once a minute.
    pub fn notice(&mut self, notice: Notice) {
        if !self.shared.told.is_news(&notice, self.now) {
            return;
        }
        self.out.push(Output::Notice(notice));
    }
}

/// A command of fixed words.
pub(crate) fn line<const N: usize>(words: [&'static str; N]) -> Args {
    words.into_iter().map(|word| Bytes::from_static(word.as_bytes())).collect()
}

/// A command of fixed words with a last one that is data.
pub(crate) fn line_with<const N: usize>(words: [&'static str; N], last: Bytes) -> Args {
    words.into_iter().map(|word| Bytes::from_static(word.as_bytes())).chain([last]).collect()
}

/// Numbers that look random (xorshift64*), from a seed that is passed in. Only waiting times are drawn from it.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed ^ 0x9e37_79b9_7f4a_7c15 | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Between half of `wait` and all of it.
    pub fn jitter(&mut self, wait: Duration) -> Duration {
        let us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(us / 2 + self.next() % (us / 2 + 1))
    }
}
