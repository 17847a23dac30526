//! Channels: who is subscribed to which name, and who receives a message.
//!
//! There are two kinds of subscribers: clients of the store, which are sent messages as pushes, and the owner itself,
//! which counts what it subscribed to in the name of others and drains what was published to it.

use crate::client::{ClientId, Output};
use ahash::RandomState;
use bytes::Bytes;
use indexmap::{IndexMap, IndexSet};
use model::Reply;
use model::backend::ChannelName;

/// A message that the owner receives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// The channel it was published to.
    pub channel: Bytes,
    /// The message.
    pub message: Bytes,
    /// The owner's subscribed names that it matches: the channel first, then the patterns. Never empty.
    pub names: Vec<ChannelName>,
}

/// The three spaces of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Space {
    Channel,
    Pattern,
    Shard,
}

#[derive(Debug, Default)]
struct Subscribers {
    /// How many subscriptions the owner has.
    owner: usize,
    clients: IndexSet<ClientId, RandomState>,
}

impl Subscribers {
    fn len(&self) -> usize {
        self.owner + self.clients.len()
    }
}

type Names = IndexMap<Bytes, Subscribers, RandomState>;

/// Who is subscribed, and the messages that wait for the owner.
#[derive(Debug)]
pub(crate) struct PubSub {
    channels: Names,
    patterns: Names,
    shard_channels: Names,
    published: Vec<Published>,
}

impl PubSub {
    pub(crate) fn new(hasher: &RandomState) -> PubSub {
        let empty = || IndexMap::with_hasher(hasher.clone());
        PubSub { channels: empty(), patterns: empty(), shard_channels: empty(), published: Vec::new() }
    }

    /// One more subscription of the owner.
    pub(crate) fn subscribe(&mut self, name: &ChannelName) {
        let (space, name) = space_of(name);
        self.names_mut(space).entry(name.clone()).or_default().owner += 1;
    }

    /// One less; of a name that it has none of: nothing.
    pub(crate) fn unsubscribe(&mut self, name: &ChannelName) {
        let (space, name) = space_of(name);
        if let Some(subscribers) = self.names_mut(space).get_mut(name) {
            subscribers.owner = subscribers.owner.saturating_sub(1);
            self.forget_if_empty(space, name);
        }
    }

    pub(crate) fn add(&mut self, space: Space, name: &Bytes, client: ClientId) {
        self.names_mut(space).entry(name.clone()).or_default().clients.insert(client);
    }

    pub(crate) fn remove(&mut self, space: Space, name: &Bytes, client: ClientId) {
        if let Some(subscribers) = self.names_mut(space).get_mut(name) {
            subscribers.clients.swap_remove(&client);
            self.forget_if_empty(space, name);
        }
    }

    /// How many subscriptions receive the message.
    pub(crate) fn publish(&mut self, channel: &Bytes, message: &Bytes, out: &mut Vec<Output>) -> usize {
        let mut receivers = 0;
        let mut names = Vec::new();
        if let Some(subscribers) = self.channels.get(channel) {
            receivers += subscribers.len();
            if subscribers.owner > 0 {
                names.push(ChannelName::Channel(channel.clone()));
            }
            for &client in &subscribers.clients {
                out.push(push(client, "message", &[channel, message]));
            }
        }
        for (pattern, subscribers) in &self.patterns {
            if !model::glob::matches(pattern, channel) {
                continue;
            }
            receivers += subscribers.len();
            if subscribers.owner > 0 {
                names.push(ChannelName::Pattern(pattern.clone()));
            }
            for &client in &subscribers.clients {
                out.push(push(client, "pmessage", &[pattern, channel, message]));
            }
        }
        if !names.is_empty() {
            self.published.push(Published { channel: channel.clone(), message: message.clone(), names });
        }
        receivers
    }

    /// The same in the space of shard channels, where only clients are subscribed.
    pub(crate) fn publish_to_shard(&self, channel: &Bytes, message: &Bytes, out: &mut Vec<Output>) -> usize {
        let Some(subscribers) = self.shard_channels.get(channel) else { return 0 };
        out.extend(subscribers.clients.iter().map(|&client| push(client, "smessage", &[channel, message])));
        subscribers.len()
    }

    /// Whether nobody is subscribed to anything that a channel's message could match.
    pub(crate) fn is_silent(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// The names of a space that somebody is subscribed to.
    pub(crate) fn names(&self, space: Space) -> impl Iterator<Item = &Bytes> {
        self.space(space).keys()
    }

    /// How many names of a space somebody is subscribed to.
    pub(crate) fn count(&self, space: Space) -> usize {
        self.space(space).len()
    }

    /// How many are subscribed to a name.
    pub(crate) fn subscribers(&self, space: Space, name: &[u8]) -> usize {
        self.space(space).get(name).map_or(0, Subscribers::len)
    }

    pub(crate) fn drain(&mut self, each: impl FnMut(Published)) {
        self.published.drain(..).for_each(each);
    }

    fn space(&self, space: Space) -> &Names {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.shard_channels,
        }
    }

    fn names_mut(&mut self, space: Space) -> &mut Names {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shard_channels,
        }
    }

    fn forget_if_empty(&mut self, space: Space, name: &Bytes) {
        let names = self.names_mut(space);
        if names.get(name).is_some_and(|subscribers| subscribers.len() == 0) {
            names.swap_remove(name);
        }
    }
}

fn space_of(name: &ChannelName) -> (Space, &Bytes) {
    match name {
        ChannelName::Channel(name) => (Space::Channel, name),
        ChannelName::Pattern(name) => (Space::Pattern, name),
    }
}

fn push(client: ClientId, kind: &'static str, words: &[&Bytes]) -> Output {
    let kind = Reply::Bulk(Bytes::from_static(kind.as_bytes()));
    let words = words.iter().map(|word| Reply::Bulk((*word).clone()));
    Output::Push { client, message: std::iter::once(kind).chain(words).collect() }
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
        let mut out = Vec::new();
        assert_eq!(pubsub.publish(&"news".into(), &"hi".into(), &mut out), 3);
        assert_eq!(pubsub.publish(&"other".into(), &"hi".into(), &mut out), 0);
        pubsub.unsubscribe(&news);
        pubsub.unsubscribe(&news);
        pubsub.unsubscribe(&news);
        assert_eq!(pubsub.publish(&"news".into(), &"ho".into(), &mut out), 1);
        assert_eq!(out, []);

        let mut got = Vec::new();
        pubsub.drain(|published| got.push((published.message, published.names)));
        assert_eq!(got, [("hi".into(), vec![news, n.clone()]), ("ho".into(), vec![n])]);
    }

    #[test]
    fn clients_are_pushed_messages_and_forgotten_with_their_last_name() {
        let mut pubsub = PubSub::new(&RandomState::with_seed(1));
        let (a, b) = (ClientId(1), ClientId(2));
        pubsub.add(Space::Channel, &"c".into(), a);
        pubsub.add(Space::Pattern, &"*".into(), b);
        pubsub.add(Space::Shard, &"c".into(), b);
        let mut out = Vec::new();
        assert_eq!(pubsub.publish(&"c".into(), &"m".into(), &mut out), 2);
        assert_eq!(pubsub.publish_to_shard(&"c".into(), &"m".into(), &mut out), 1);
        let words = |words: &[&str]| words.iter().map(Reply::bulk).collect::<Vec<_>>();
        let expected = [
            (a, words(&["message", "c", "m"])),
            (b, words(&["pmessage", "*", "c", "m"])),
            (b, words(&["smessage", "c", "m"])),
        ];
        assert_eq!(out, expected.map(|(client, message)| Output::Push { client, message }));
        pubsub.remove(Space::Channel, &"c".into(), a);
        pubsub.remove(Space::Channel, &"c".into(), b);
        assert_eq!((pubsub.count(Space::Channel), pubsub.subscribers(Space::Pattern, b"*")), (0, 1));
    }
}
