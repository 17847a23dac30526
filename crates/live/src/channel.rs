//! Channels and patterns.
//!
//! The subscription upstream is held as long as somebody hears it. It is given up only when it is known to be in
//! force: so a [`model::backend::BackendEvent::Subscribed`] can only mean the newest subscription of its name,
//! however openings and closings follow one another.
//!
//! A message costs one look-up and one event. What comes faster than `messages_per_second_max` is counted instead, and
//! told before the next message that passes, or a second later.

use crate::interface::{OpenerId, Output};
use crate::shared::{Owner, Shared, unavailable};
use ahash::HashMap;
use bytes::Bytes;
use model::backend::{BackendRequest, ChannelName};
use model::request::Opening;
use model::{Error, FeedEvent, FeedId, Time};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    /// Every name that is subscribed upstream, or about to be.
    channels: HashMap<ChannelName, Channel>,
    /// Names of which messages were dropped, and when that is told at the latest; in order.
    owing: VecDeque<(Time, ChannelName)>,
}

/// How long a loss may go untold.
const TELL_AFTER: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
enum Channel {
    /// Not known to be in force yet. Without openers it is given up as soon as it is.
    Subscribing(Vec<OpenerId>),
    /// In force and heard.
    Live(Heard),
}

#[derive(Clone, Debug)]
struct Heard {
    feed: FeedId,
    /// When as many messages as go at once may go again.
    full_at: Time,
    /// Messages dropped and not told of.
    missed: u64,
    /// It stands among those that owe.
    is_owing: bool,
}

impl Heard {
    fn new(feed: FeedId) -> Heard {
        Heard { feed, full_at: Time::ZERO, missed: 0, is_owing: false }
    }

    /// Whether one more message may pass: a token bucket that holds a second's worth.
    fn take(&mut self, per_second_max: u32, now: Time) -> bool {
        if per_second_max == 0 {
            return true;
        }
        let token = (1_000_000 / u64::from(per_second_max)).max(1);
        let full_at = self.full_at.0.max(now.0) + token;
        let passes = full_at - now.0 <= token * u64::from(per_second_max);
        if passes {
            self.full_at = Time(full_at);
        }
        passes
    }

    fn tell(&mut self, out: &mut Vec<Output>) {
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            out.push(Output::Event { feed: self.feed, event: FeedEvent::Missed(Some(missed)) });
        }
    }
}

impl Channels {
    pub fn open(&mut self, name: ChannelName, opener: OpenerId, shared: &mut Shared, out: &mut Vec<Output>) {
        match self.channels.get_mut(&name) {
            Some(Channel::Live(heard)) => {
                let stale = shared.stale;
                // What was dropped before it came is not its loss.
                heard.tell(out);
                shared.opened(opener, heard.feed, Opening::Channel, stale, true, out);
            }
            _ if shared.stale => shared.refused(opener, unavailable(), out),
            Some(Channel::Subscribing(openers)) => openers.push(opener),
            None => match shared.begin_topic() {
                Err(error) => shared.refused(opener, error, out),
                Ok(()) => {
                    out.push(Output::Backend(BackendRequest::Subscribe { name: name.clone() }));
                    self.channels.insert(name, Channel::Subscribing(vec![opener]));
                }
            },
        }
    }

    pub fn subscribed(&mut self, name: ChannelName, shared: &mut Shared, out: &mut Vec<Output>) {
        let Some(channel) = self.channels.get_mut(&name) else { return };
        let Channel::Subscribing(openers) = channel else { return };
        let openers = std::mem::take(openers);
        if openers.is_empty() {
            return self.give_up(name, shared, out);
        }
        let feed = shared.begin_feed(Owner::Channel(name));
        *channel = Channel::Live(Heard::new(feed));
        for opener in openers {
            let stale = shared.stale;
            shared.opened(opener, feed, Opening::Channel, stale, true, out);
        }
    }

    /// The backend does not let us hear the name.
    pub fn refused(&mut self, name: ChannelName, error: Error, shared: &mut Shared, out: &mut Vec<Output>) {
        match self.channels.remove(&name) {
            None => return,
            Some(Channel::Subscribing(openers)) => {
                openers.into_iter().for_each(|opener| shared.refused(opener, error.clone(), out));
            }
            Some(Channel::Live(heard)) => shared.close_feed(heard.feed, error, out),
        }
        shared.topics -= 1;
    }

    pub fn message(
        &mut self,
        name: ChannelName,
        channel: Bytes,
        message: Bytes,
        now: Time,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let Some(Channel::Live(heard)) = self.channels.get_mut(&name) else { return };
        if !heard.take(shared.config.limits.messages_per_second_max, now) {
            heard.missed += 1;
            shared.counters.messages_over_rate += 1;
            if !std::mem::replace(&mut heard.is_owing, true) {
                self.owing.push_back((now + TELL_AFTER, name));
            }
            return;
        }
        heard.tell(out);
        let feed = heard.feed;
        let event = match name {
            ChannelName::Channel(_) => FeedEvent::Message(message),
            ChannelName::Pattern(_) => FeedEvent::PatternMessage { channel, message },
        };
        shared.counters.messages += 1;
        out.push(Output::Event { feed, event });
    }

    /// When a loss is to be told at the latest.
    pub fn next_timeout(&self) -> Option<Time> {
        self.owing.front().map(|(at, _)| *at)
    }

    /// Tells of losses whose time has come.
    pub fn timeout(&mut self, now: Time, out: &mut Vec<Output>) {
        while let Some((_, name)) = self.owing.pop_front_if(|(at, _)| *at <= now) {
            if let Some(Channel::Live(heard)) = self.channels.get_mut(&name) {
                heard.is_owing = false;
                heard.tell(out);
            }
        }
    }

    /// Messages may have been lost.
    pub fn interrupted(&mut self, out: &mut Vec<Output>) {
        self.tell_all(FeedEvent::Missed(None), out);
    }

    pub fn stale(&mut self, stale: bool, shared: &mut Shared, out: &mut Vec<Output>) {
        self.tell_all(FeedEvent::Stale(stale), out);
        if !stale {
            return;
        }
        let waiting = |channel: &mut Channel| match channel {
            Channel::Subscribing(openers) => std::mem::take(openers),
            Channel::Live(_) => Vec::new(),
        };
        let mut openers: Vec<OpenerId> = self.channels.values_mut().flat_map(waiting).collect();
        openers.sort_unstable();
        openers.into_iter().for_each(|opener| shared.refused(opener, unavailable(), out));
    }

    fn tell_all(&self, event: FeedEvent, out: &mut Vec<Output>) {
        let feed_of = |channel: &Channel| match channel {
            Channel::Live(heard) => Some(heard.feed),
            Channel::Subscribing(_) => None,
        };
        let mut feeds: Vec<FeedId> = self.channels.values().filter_map(feed_of).collect();
        feeds.sort_unstable();
        out.extend(feeds.into_iter().map(|feed| Output::Event { feed, event: event.clone() }));
    }

    /// Nobody hears the name's feed any more.
    pub fn abandon(&mut self, name: ChannelName, shared: &mut Shared, out: &mut Vec<Output>) {
        if matches!(self.channels.get(&name), Some(Channel::Live(_))) {
            self.give_up(name, shared, out);
        }
    }

    fn give_up(&mut self, name: ChannelName, shared: &mut Shared, out: &mut Vec<Output>) {
        self.channels.remove(&name);
        shared.topics -= 1;
        out.push(Output::Backend(BackendRequest::Unsubscribe { name }));
    }
}
