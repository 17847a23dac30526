//! Channels: who subscribed is the owner's business; here are the counts that `PUBLISH` and `PUBSUB` answer with,
//! and which subscribed names a message matches.

use ahash::RandomState;
use bytes::Bytes;
use indexmap::IndexMap;
use model::backend::ChannelName;

/// A message that somebody receives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// The channel it was published to.
    pub channel: Bytes,
    /// The message.
    pub message: Bytes,
    /// The subscribed names it matches: the channel first, then the patterns. Never empty.
    pub names: Vec<ChannelName>,
}

/// How many subscriptions each name has, and the messages that wait to be drained.
#[derive(Debug)]
pub(crate) struct PubSub {
    channels: IndexMap<Bytes, usize, RandomState>,
    patterns: IndexMap<Bytes, usize, RandomState>,
    published: Vec<Published>,
}

impl PubSub {
    pub(crate) fn new(hasher: &RandomState) -> PubSub {
        let empty = || IndexMap::with_hasher(hasher.clone());
        PubSub { channels: empty(), patterns: empty(), published: Vec::new() }
    }

    pub(crate) fn subscribe(&mut self, name: &ChannelName) {
        let (counts, name) = self.counts(name);
        *counts.entry(name.clone()).or_insert(0) += 1;
    }

    /// One subscription less; of a name that has none: nothing.
    pub(crate) fn unsubscribe(&mut self, name: &ChannelName) {
        let (counts, name) = self.counts(name);
        if let Some(count) = counts.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                counts.swap_remove(name);
            }
        }
    }

    /// How many subscriptions receive the message.
    pub(crate) fn publish(&mut self, channel: &Bytes, message: &Bytes) -> usize {
        let mut receivers = self.subscribers(channel);
        let mut names = Vec::new();
        if receivers > 0 {
            names.push(ChannelName::Channel(channel.clone()));
        }
        for (pattern, count) in &self.patterns {
            if model::glob::matches(pattern, channel) {
                receivers += count;
                names.push(ChannelName::Pattern(pattern.clone()));
            }
        }
        if !names.is_empty() {
            self.published.push(Published { channel: channel.clone(), message: message.clone(), names });
        }
        receivers
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = &Bytes> {
        self.channels.keys()
    }

    pub(crate) fn subscribers(&self, channel: &[u8]) -> usize {
        self.channels.get(channel).copied().unwrap_or(0)
    }

    /// How many distinct patterns are subscribed.
    pub(crate) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Published)) {
        self.published.drain(..).for_each(each);
    }

    fn counts<'n>(&mut self, name: &'n ChannelName) -> (&mut IndexMap<Bytes, usize, RandomState>, &'n Bytes) {
        match name {
            ChannelName::Channel(name) => (&mut self.channels, name),
            ChannelName::Pattern(name) => (&mut self.patterns, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_to_its_channel_and_to_the_patterns_that_match() {
        let mut pubsub = PubSub::new(&RandomState::with_seed(1));
        let (news, n, x) =
            (ChannelName::Channel("news".into()), ChannelName::Pattern("n*".into()), ChannelName::Pattern("x*".into()));
        for name in [&n, &news, &news, &x] {
            pubsub.subscribe(name);
        }
        assert_eq!(pubsub.publish(&"news".into(), &"hi".into()), 3);
        assert_eq!(pubsub.publish(&"other".into(), &"hi".into()), 0);
        pubsub.unsubscribe(&news);
        pubsub.unsubscribe(&news);
        pubsub.unsubscribe(&news);
        assert_eq!(pubsub.publish(&"news".into(), &"ho".into()), 1);

        let mut got = Vec::new();
        pubsub.drain(|published| got.push((published.message, published.names)));
        assert_eq!(got, [("hi".into(), vec![news, n.clone()]), ("ho".into(), vec![n])]);
    }
}
