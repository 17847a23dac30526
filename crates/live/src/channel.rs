//! Channels and patterns.
//!
//! The subscription upstream is held as long as somebody hears it. It is given up only when it is known to be in
//! force: so a [`model::backend::BackendEvent::Subscribed`] can only mean the newest subscription of its name,
//! however openings and closings follow one another.
//!
//! A message costs one look-up and one event.

use crate::interface::{OpenerId, Output};
use crate::shared::{Owner, Shared, unavailable};
use ahash::HashMap;
use bytes::Bytes;
use model::backend::{BackendRequest, ChannelName};
use model::request::Opening;
use model::{Error, FeedEvent, FeedId};

#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    /// Every name that is subscribed upstream, or about to be.
    channels: HashMap<ChannelName, Channel>,
}

#[derive(Clone, Debug)]
enum Channel {
    /// Not known to be in force yet. Without openers it is given up as soon as it is.
    Subscribing(Vec<OpenerId>),
    /// In force and heard.
    Live(FeedId),
}

impl Channels {
    pub fn open(&mut self, name: ChannelName, opener: OpenerId, shared: &mut Shared, out: &mut Vec<Output>) {
        match self.channels.get_mut(&name) {
            Some(Channel::Live(feed)) => {
                let stale = shared.stale;
                shared.opened(opener, *feed, Opening::Channel, stale, true, out);
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
        *channel = Channel::Live(feed);
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
            Some(Channel::Live(feed)) => shared.close_feed(feed, error, out),
        }
        shared.topics -= 1;
    }

    pub fn message(
        &mut self,
        name: ChannelName,
        channel: Bytes,
        message: Bytes,
        shared: &mut Shared,
        out: &mut Vec<Output>,
    ) {
        let Some(&Channel::Live(feed)) = self.channels.get(&name) else { return };
        let event = match name {
            ChannelName::Channel(_) => FeedEvent::Message(message),
            ChannelName::Pattern(_) => FeedEvent::PatternMessage { channel, message },
        };
        shared.counters.messages += 1;
        out.push(Output::Event { feed, event });
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
            Channel::Live(feed) => Some(*feed),
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
