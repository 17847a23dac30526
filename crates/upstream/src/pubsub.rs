//! Channels and patterns: one subscription of each name, however many lanes hear it.
//!
//! A name is subscribed at the node that the topology gives it, on a connection that does nothing else. When that is lost
//! all its names are subscribed again on the next one, and when the last of those is in force the lanes are told that
//! messages may be missing. A server may also end a subscription unasked (`sunsubscribe`, when a slot moves): then the
//! name looks for its node anew.

use crate::interface::{LinkId, Role};
use crate::link::Expected;
use crate::node::{Node, NodeId};
use crate::reply;
use crate::turn::Turn;
use ahash::AHashMap;
use bytes::Bytes;
use model::backend::{BackendEvent, ChannelName};
use model::{Args, Error, LaneId, Reply};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// All names that a lane hears, or wants to.
#[derive(Clone, Debug, Default)]
pub(crate) struct PubSub {
    channels: AHashMap<ChannelName, Channel>,
    begun: u64,
    /// A name may be subscribed nowhere.
    has_homeless: bool,
    /// Subscriptions that were in force before and are asked for again, by connection.
    resuming: BTreeMap<LinkId, Resuming>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Resuming {
    /// Not answered yet.
    asked: usize,
    /// One of them is in force again, of which the lanes were not told yet.
    is_any_in_force: bool,
}

#[derive(Clone, Debug)]
struct Channel {
    /// Tells this subscription from one of the same name before it.
    number: u64,
    /// They were told that it is in force.
    lanes: SmallVec<[LaneId; 2]>,
    /// They were not yet.
    waiting: SmallVec<[LaneId; 1]>,
    place: Place,
    /// It was in force once: whoever heard it may have missed something.
    was_in_force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Nowhere,
    Asked(LinkId),
    InForce(LinkId),
}

/// A subscription that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub name: ChannelName,
    number: u64,
    is_resumed: bool,
}

impl PubSub {
    /// A lane wants to hear the name. Whether it has to be given a node.
    pub fn subscribe(&mut self, name: &ChannelName, lane: LaneId, turn: &mut Turn<'_>) -> bool {
        self.begun += 1;
        let number = self.begun;
        let new = || Channel {
            number,
            lanes: SmallVec::new(),
            waiting: SmallVec::new(),
            place: Place::Nowhere,
            was_in_force: false,
        };
        let channel = self.channels.entry(name.clone()).or_insert_with(new);
        let is_in_force = matches!(channel.place, Place::InForce(_));
        if is_in_force {
            if !channel.lanes.contains(&lane) {
                channel.lanes.push(lane);
            }
            turn.tell(lane, BackendEvent::Subscribed { name: name.clone() });
        } else if !channel.waiting.contains(&lane) {
            channel.waiting.push(lane);
        }
        channel.place == Place::Nowhere
    }

    /// A lane does not want to hear it any more.
    pub fn unsubscribe(&mut self, name: &ChannelName, lane: LaneId, turn: &mut Turn<'_>) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        channel.lanes.retain(|known| *known != lane);
        channel.waiting.retain(|known| *known != lane);
        if !channel.lanes.is_empty() || !channel.waiting.is_empty() {
            return;
        }
        if let Place::Asked(link) | Place::InForce(link) = channel.place {
            turn.send(
                link,
                command(name, false, turn.shared.config.sharded_pubsub),
                Expected::Unsubscribe(name.clone()),
            );
        }
        self.channels.remove(name);
    }

    /// Subscribes the name at the node, if it is not subscribed and the node has a connection for it.
    pub fn place(&mut self, name: &ChannelName, node: &Node, turn: &mut Turn<'_>) {
        let Some(channel) = self.channels.get_mut(name).filter(|channel| channel.place == Place::Nowhere) else {
            return;
        };
        let Some(link) = node.ready(Role::PubSub, &turn.shared.links).map(|link| link.id) else { return };
        channel.place = Place::Asked(link);
        let is_resumed = channel.was_in_force;
        if is_resumed {
            self.resuming.entry(link).or_default().asked += 1;
        }
        let asked = Asked { name: name.clone(), number: channel.number, is_resumed };
        turn.send(link, command(name, true, turn.shared.config.sharded_pubsub), Expected::Subscribe(asked));
    }

    /// Names that are subscribed nowhere, in order. Those that stay so are to be found again.
    pub fn take_homeless(&mut self) -> Vec<ChannelName> {
        let is_homeless = |(_, channel): &(&ChannelName, &Channel)| channel.place == Place::Nowhere;
        let mut names: Vec<_> = self.channels.iter().filter(is_homeless).map(|(name, _)| name.clone()).collect();
        names.sort();
        self.has_homeless = !names.is_empty();
        names
    }

    /// Whether a name may be subscribed nowhere.
    pub fn has_homeless(&self) -> bool {
        self.has_homeless
    }

    /// Names that are subscribed on a connection of another node than `home` gives them.
    pub fn misplaced(
        &self,
        home: impl Fn(&ChannelName) -> Option<NodeId>,
        node_of: impl Fn(LinkId) -> Option<NodeId>,
    ) -> Vec<(ChannelName, LinkId)> {
        let mut found: Vec<_> = self
            .channels
            .iter()
            .filter_map(|(name, channel)| match channel.place {
                Place::Asked(link) | Place::InForce(link) => {
                    let (home, at) = (home(name)?, node_of(link)?);
                    (home != at).then(|| (name.clone(), link))
                }
                Place::Nowhere => None,
            })
            .collect();
        found.sort();
        found
    }

    /// The name leaves its connection, for another one.
    pub fn displace(&mut self, name: &ChannelName, link: LinkId, turn: &mut Turn<'_>) {
        self.ended(name);
        turn.send(link, command(name, false, turn.shared.config.sharded_pubsub), Expected::Unsubscribe(name.clone()));
    }

    /// The server confirms a subscription.
    pub fn confirmed(&mut self, link: LinkId, asked: &Asked, turn: &mut Turn<'_>) {
        let Asked { name, number, is_resumed } = asked;
        let found = self.channels.get_mut(name);
        let found = found.filter(|channel| channel.number == *number && channel.place == Place::Asked(link));
        if let Some(channel) = found {
            channel.place = Place::InForce(link);
            channel.was_in_force = true;
            for lane in std::mem::take(&mut channel.waiting) {
                if !channel.lanes.contains(&lane) {
                    channel.lanes.push(lane);
                }
                turn.tell(lane, BackendEvent::Subscribed { name: name.clone() });
            }
        }
        if *is_resumed {
            self.resumed(link, true, turn);
        }
    }

    /// The server refuses a subscription, for good if there is an `error`; else it is asked for elsewhere.
    pub fn refused(&mut self, link: LinkId, asked: &Asked, error: Option<&Error>, turn: &mut Turn<'_>) {
        let channel = self.channels.get_mut(&asked.name).filter(|channel| channel.number == asked.number);
        if let Some(channel) = channel.filter(|channel| channel.place == Place::Asked(link)) {
            channel.place = Place::Nowhere;
            self.has_homeless = true;
            if let Some(error) = error {
                for lane in std::mem::take(&mut channel.lanes).into_iter().chain(std::mem::take(&mut channel.waiting)) {
                    let (name, error) = (asked.name.clone(), error.clone());
                    turn.tell(lane, BackendEvent::SubscriptionRefused { name, error });
                }
                self.channels.remove(&asked.name);
            }
        }
        if asked.is_resumed {
            self.resumed(link, false, turn);
        }
    }

    fn resumed(&mut self, link: LinkId, is_in_force: bool, turn: &mut Turn<'_>) {
        let Some(resuming) = self.resuming.get_mut(&link) else { return };
        resuming.asked -= 1;
        resuming.is_any_in_force |= is_in_force;
        let Resuming { asked: 0, is_any_in_force } = *resuming else { return };
        self.resuming.remove(&link);
        if is_any_in_force {
            turn.shared.statistics.interruptions += 1;
            turn.tell_all(&BackendEvent::Interrupted);
        }
    }

    /// The server ended a subscription unasked. Whether it was one of ours.
    pub fn ended(&mut self, name: &ChannelName) -> bool {
        let Some(channel) = self.channels.get_mut(name) else { return false };
        channel.place = Place::Nowhere;
        self.has_homeless = true;
        true
    }

    /// The connection is gone, and with it all its subscriptions.
    pub fn lost(&mut self, link: LinkId) {
        self.resuming.remove(&link);
        self.has_homeless = true;
        for channel in self.channels.values_mut() {
            if matches!(channel.place, Place::Asked(at) | Place::InForce(at) if at == link) {
                channel.place = Place::Nowhere;
            }
        }
    }

    /// A message came on this connection. If the name is in force on another one by now, it may be older than what came there,
    /// or the same again: that some are missing is told when the name is in force anew.
    pub fn message(&mut self, link: LinkId, name: &ChannelName, channel: &Bytes, message: &Bytes, turn: &mut Turn<'_>) {
        turn.shared.statistics.messages += 1;
        let found = self.channels.get(name).filter(|found| found.place == Place::InForce(link));
        let Some(lanes) = found.map(|found| found.lanes.clone()) else { return };
        // What was lost is told before what comes after it, though other names are not in force again yet.
        let resuming = self.resuming.values_mut();
        if resuming.fold(false, |any, resuming| any | std::mem::take(&mut resuming.is_any_in_force)) {
            turn.shared.statistics.interruptions += 1;
            turn.tell_all(&BackendEvent::Interrupted);
        }
        for lane in lanes {
            let (name, channel, message) = (name.clone(), channel.clone(), message.clone());
            turn.tell(lane, BackendEvent::Message { name, channel, message });
        }
    }

    /// A message was too large to be taken.
    pub fn message_lost(&mut self, name: &ChannelName, turn: &mut Turn<'_>) {
        for lane in self.channels.get(name).map(|found| found.lanes.clone()).unwrap_or_default() {
            turn.shared.statistics.interruptions += 1;
            turn.tell(lane, BackendEvent::Interrupted);
        }
    }

    /// Whether nothing that was in force before is only asked for.
    pub fn is_settled(&self) -> bool {
        self.resuming.is_empty()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.channels.len()
    }
}

/// What a push of a connection that subscribes says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Subscribed(ChannelName),
    Unsubscribed(ChannelName),
    Message {
        name: ChannelName,
        channel: Bytes,
        message: Bytes,
    },
    /// A message without its text: it was too large.
    Headless(ChannelName),
}

/// What the push says; none for pushes of other kinds.
pub(crate) fn said(push: &[Reply]) -> Option<Said> {
    let word = |at: usize| push.get(at).and_then(reply::bytes).cloned();
    let (kind, first) = (word(0)?, word(1)?);
    let (channel, pattern) = (ChannelName::Channel, ChannelName::Pattern);
    Some(match &kind[..] {
        b"subscribe" | b"ssubscribe" => Said::Subscribed(channel(first)),
        b"psubscribe" => Said::Subscribed(pattern(first)),
        b"unsubscribe" | b"sunsubscribe" => Said::Unsubscribed(channel(first)),
        b"punsubscribe" => Said::Unsubscribed(pattern(first)),
        b"message" | b"smessage" => match word(2) {
            Some(message) => Said::Message { name: channel(first.clone()), channel: first, message },
            None => Said::Headless(channel(first)),
        },
        b"pmessage" => match (word(2), word(3)) {
            (Some(channel), Some(message)) => Said::Message { name: pattern(first), channel, message },
            _ => Said::Headless(pattern(first)),
        },
        _ => return None,
    })
}

/// Subscribes, or ends it.
fn command(name: &ChannelName, on: bool, sharded: bool) -> Args {
    let (verb, name) = match (name, on) {
        (ChannelName::Channel(name), true) if sharded => ("SSUBSCRIBE", name),
        (ChannelName::Channel(name), false) if sharded => ("SUNSUBSCRIBE", name),
        (ChannelName::Channel(name), true) => ("SUBSCRIBE", name),
        (ChannelName::Channel(name), false) => ("UNSUBSCRIBE", name),
        (ChannelName::Pattern(name), true) => ("PSUBSCRIBE", name),
        (ChannelName::Pattern(name), false) => ("PUNSUBSCRIBE", name),
    };
    crate::turn::line_with([verb], name.clone())
}
