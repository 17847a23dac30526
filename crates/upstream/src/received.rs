//! What comes on a connection: whose it is, and what it leads to.

use crate::commands;
use crate::handshake::{self, Outcome, Step};
use crate::interface::{LinkId, Notice, Output, Role};
use crate::link::{Expected, Question};
use crate::node::NodeId;
use crate::pubsub::{self, Said};
use crate::reads::{self, ReadId};
use crate::reply::{self, Trouble};
use crate::turn::Turn;
use crate::{Answer, Upstream};
use bytes::Bytes;
use model::backend::ChannelName;
use model::reply::Frame;
use model::request::Via;
use model::{Reply, Time};

impl Upstream {
    pub(crate) fn received(&mut self, id: LinkId, frame: Frame, now: Time, out: &mut Vec<Output>) {
        let Some(link) = self.shared.links.get_mut(id) else { return };
        link.heard(now);
        match frame {
            Frame::Push(push) => self.pushed(id, &push, now, out),
            // Before RESP3, pushes were arrays like others; where one subscribes nothing else is an array.
            Frame::Reply(Reply::Array(items)) if link.is_resp2 && link.role == Role::PubSub && is_push(&items) => {
                self.pushed(id, &items, now, out);
            }
            Frame::Reply(reply) => self.answered(id, Answer::Reply(reply), now, out),
            Frame::Oversize { push: false, bytes, .. } => self.answered(id, Answer::Oversize(bytes), now, out),
            Frame::Oversize { push: true, bytes, head } => self.push_lost(id, bytes, &head, now, out),
        }
    }

    fn answered(&mut self, id: LinkId, answer: Answer, now: Time, out: &mut Vec<Output>) {
        let Some(link) = self.shared.links.get_mut(id) else { return };
        let Some((expected, asked_at)) = link.answered() else {
            return self.drop_link(id, "it answers what nobody asked", now, out);
        };
        let node = link.node;
        self.shared.statistics.round_trips.add(now.since(asked_at), 1);
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        match (expected, answer) {
            (Expected::Read(read, part), answer) => {
                let sign = self.reads.answered(read, part, answer, turn);
                self.read_sign(id, sign, now, out);
            }
            (Expected::Command(pending), answer) => {
                // Who has the reply may look at once at what it did: that the server tells of it comes on another
                // connection, and may come later.
                if let Some(node) = node
                    && !self.reads.watched.is_empty()
                {
                    self.reads.invalidated(&pending.what.written_keys(), node, turn);
                }
                let refused = turn.shared.links.get_mut(id).and_then(|link| link.refused.take());
                let sign = self.commands.answered(pending, answer, refused, turn);
                self.command_sign(id, sign, now, out);
            }
            (Expected::Ignored, Answer::Reply(reply @ Reply::Error(_))) => {
                if let Some(link) = turn.shared.links.get_mut(id) {
                    link.refused.get_or_insert(reply);
                }
            }
            (Expected::Handshake(step), Answer::Reply(reply)) => {
                let outcome = handshake::answered(turn, id, step, &reply);
                self.outcome(id, outcome, now, out);
            }
            (Expected::Ping, Answer::Reply(reply)) => {
                if let Some(trouble) = reply::trouble(&reply) {
                    self.trouble(id, trouble, reply::error_text(&reply).unwrap_or_default(), now, out);
                }
            }
            (Expected::TrackingInfo, Answer::Reply(reply)) => self.tracking_told(id, &reply, now, out),
            (Expected::Role, Answer::Reply(reply)) => self.role_told(node, &reply, now, out),
            (Expected::Subscribe(asked), Answer::Reply(reply @ Reply::Error(_))) => {
                let error = reply.as_error().filter(|_| reply::trouble(&reply).is_none());
                self.pubsub.refused(id, &asked, error.as_ref(), turn);
                self.subscription_refused(id, &reply, now, out);
            }
            (Expected::TableSize(question), Answer::Reply(reply)) => {
                if let Some(node) = node.and_then(|node| self.nodes.get(node)) {
                    self.reads.table_told(node, question, &reply, turn);
                }
            }
            (Expected::Topology(question), Answer::Reply(reply)) => {
                let changes = self.map.answered(id, question, &reply, &mut self.nodes, turn);
                self.apply(changes, now, out);
            }
            (_, Answer::Oversize(_) | Answer::Reply(_)) => {}
        }
    }

    fn outcome(&mut self, id: LinkId, outcome: Outcome, now: Time, out: &mut Vec<Output>) {
        match outcome {
            Outcome::Going => {}
            Outcome::Ready => self.ready(id, now, out),
            Outcome::Failed(reason) => self.drop_link(id, &reason, now, out),
        }
    }

    fn read_sign(&mut self, id: LinkId, sign: reads::Sign, now: Time, out: &mut Vec<Output>) {
        match sign {
            reads::Sign::None => {}
            reads::Sign::Trouble(trouble, text) => self.trouble(id, trouble, text, now, out),
            reads::Sign::Redirect(read, trouble) => self.redirect_read(read, &trouble, now, out),
        }
    }

    fn redirect_read(&mut self, read: ReadId, trouble: &Trouble, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        let node = self.map.redirected(trouble, &mut self.nodes, turn);
        self.reads.redirect(read, node, matches!(trouble, Trouble::Ask(_)), turn);
        self.nodes.iter_mut().for_each(|node| node.connect(turn));
    }

    fn command_sign(&mut self, id: LinkId, sign: commands::Sign, now: Time, out: &mut Vec<Output>) {
        match sign {
            commands::Sign::None => {}
            commands::Sign::Trouble(trouble, text) => self.trouble(id, trouble, text, now, out),
            commands::Sign::Redirect(pending, trouble) => {
                let turn = &mut Turn { shared: &mut self.shared, now, out };
                let node = self.map.redirected(&trouble, &mut self.nodes, turn);
                self.nodes.iter_mut().for_each(|node| node.connect(turn));
                let node = node.and_then(|node| self.nodes.get(node));
                self.commands.redirect(pending, node, matches!(trouble, Trouble::Ask(_)), turn);
            }
        }
    }

    /// A reply says something about the server.
    fn trouble(&mut self, id: LinkId, trouble: Trouble, text: String, now: Time, out: &mut Vec<Output>) {
        match trouble {
            Trouble::NotReady => {
                let turn = &mut Turn { shared: &mut self.shared, now, out };
                handshake::not_ready(turn, id, text);
                let Some(link) = turn.shared.links.get(id) else { return };
                if let Some(node) = link.node.and_then(|node| self.nodes.get_mut(node)) {
                    node.became_unready(link.role, now);
                }
            }
            Trouble::NoAuth => self.drop_link(id, &text, now, out),
            Trouble::TryAgain | Trouble::ReadOnly | Trouble::Moved(..) | Trouble::Ask(_) => self.map.suspect(now),
        }
    }

    /// Whether the connection still tracks: else nothing would ever be told on it.
    fn tracking_told(&mut self, id: LinkId, reply: &Reply, now: Time, out: &mut Vec<Output>) {
        let flags = reply::field(reply, "flags").and_then(reply::items);
        let is_on = |flags: &[Reply]| flags.iter().filter_map(reply::bytes).any(|flag| &flag[..] == b"on");
        if flags.is_some_and(|flags| !is_on(flags))
            && let Some(link) = self.shared.links.get(id)
        {
            out.push(Output::Notice(Notice::TrackingLost { address: link.address.clone() }));
            self.drop_link(id, "it does not track any more", now, out);
        }
    }

    fn role_told(&mut self, node: Option<NodeId>, reply: &Reply, now: Time, out: &mut Vec<Output>) {
        let Some(node) = node.and_then(|node| self.nodes.get(node)) else { return };
        if reply::is_master(reply) == Some(false) {
            let (address, links) = (node.address.clone(), node.links());
            out.push(Output::Notice(Notice::NotMaster { address }));
            links.into_iter().for_each(|link| self.drop_link(link, "it is no master any more", now, out));
        }
    }

    fn subscription_refused(&mut self, id: LinkId, reply: &Reply, now: Time, out: &mut Vec<Output>) {
        let reason = reply::error_text(reply).unwrap_or_default();
        if let Some(trouble) = reply::trouble(reply) {
            let turn = &mut Turn { shared: &mut self.shared, now, out };
            if self.map.redirected(&trouble, &mut self.nodes, turn).is_some() {
                return self.place_names(now, out);
            }
            return self.trouble(id, trouble, reason, now, out);
        }
        if let Some(link) = self.shared.links.get(id) {
            let address = link.address.clone();
            out.push(Output::Notice(Notice::Refused { address, what: "SUBSCRIBE", reason }));
        }
    }

    fn pushed(&mut self, id: LinkId, push: &[Reply], now: Time, out: &mut Vec<Output>) {
        let Some(link) = self.shared.links.get(id) else { return };
        let (role, node, via) = (link.role, link.node, link.via);
        let kind = push.first().and_then(reply::bytes).cloned().unwrap_or_default();
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        match (role, node) {
            (Role::Tracking, Some(node)) if &kind[..] == b"invalidate" => match push.get(1).and_then(reply::items) {
                Some(keys) => {
                    let keys: Vec<Bytes> = keys.iter().filter_map(reply::bytes).cloned().collect();
                    self.reads.invalidated(&keys, node, turn);
                }
                None => {
                    let all = !turn.shared.is_cluster();
                    self.reads.invalidated_all(node, all, turn);
                }
            },
            (Role::Tracking, Some(node)) if via == Via::Events => match pubsub::said(push) {
                Some(Said::Message { channel, .. }) => {
                    if let Some(key) = key_of_event(&channel) {
                        self.reads.invalidated(&[key], node, turn);
                    }
                }
                Some(Said::Subscribed(_)) => self.confirmed(id, now, out),
                _ => {}
            },
            (Role::PubSub, _) => self.said(id, push, now, out),
            (Role::Sentinel, _) => match pubsub::said(push) {
                Some(Said::Subscribed(_)) => self.confirmed(id, now, out),
                _ => {
                    let changes = self.map.announced(push, &mut self.nodes, turn);
                    self.apply(changes, now, out);
                }
            },
            _ => {}
        }
    }

    /// The server confirms a subscription that is part of a handshake or of asking Sentinels.
    fn confirmed(&mut self, id: LinkId, now: Time, out: &mut Vec<Output>) {
        let next = self.shared.links.get(id).and_then(|link| link.next_expected());
        let is_asked = matches!(next, Some(Expected::Handshake(Step::Events) | Expected::Topology(Question::Switches)));
        if is_asked {
            self.answered(id, Answer::Reply(Reply::OK), now, out);
        }
    }

    /// A push of a connection that subscribes.
    fn said(&mut self, id: LinkId, push: &[Reply], now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        match pubsub::said(push) {
            Some(Said::Message { name, channel, message }) => self.pubsub.message(id, &name, &channel, &message, turn),
            Some(Said::Headless(name)) => self.pubsub.message_lost(&name, turn),
            Some(Said::Subscribed(name)) => {
                let Some(link) = turn.shared.links.get_mut(id) else { return };
                let is_its = matches!(link.next_expected(), Some(Expected::Subscribe(asked)) if asked.name == name);
                if is_its && let Some((Expected::Subscribe(asked), _)) = link.answered() {
                    self.pubsub.confirmed(id, &asked, turn);
                }
            }
            Some(Said::Unsubscribed(name)) => self.unsubscribed(id, &name, now, out),
            // RESP2's answer to PING where one subscribes.
            None => drop(turn.shared.links.get_mut(id).and_then(|link| link.answered())),
        }
    }

    /// A subscription is over: as asked, or because its slot has moved.
    fn unsubscribed(&mut self, id: LinkId, name: &ChannelName, now: Time, out: &mut Vec<Output>) {
        let Some(link) = self.shared.links.get_mut(id) else { return };
        if matches!(link.next_expected(), Some(Expected::Unsubscribe(asked)) if asked == name) {
            link.answered();
        } else if self.pubsub.ended(name) {
            self.map.suspect(now);
            self.place_names(now, out);
        }
    }

    fn push_lost(&mut self, id: LinkId, bytes: u64, head: &[Reply], now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        turn.shared.statistics.oversize += 1;
        let Some(link) = turn.shared.links.get(id) else { return };
        let (address, role, node) = (link.address.clone(), link.role, link.node);
        match (role, node, pubsub::said(head)) {
            (Role::Tracking, Some(node), _) => {
                let all = !turn.shared.is_cluster();
                self.reads.invalidated_all(node, all, turn);
            }
            (_, _, Some(Said::Headless(name) | Said::Message { name, .. })) => {
                turn.notice(Notice::MessageTooBig { address, bytes });
                self.pubsub.message_lost(&name, turn);
            }
            _ => self.drop_link(id, "an announcement over the limit", now, out),
        }
    }
}

/// Whether an array in RESP2 is what RESP3 calls a push, or the answer to PING on a connection that subscribes.
fn is_push(items: &[Reply]) -> bool {
    let is_pong = items.first().and_then(reply::bytes).is_some_and(|kind| &kind[..] == b"pong");
    is_pong || pubsub::said(items).is_some()
}

/// The key that an event of the keyspace is about: what follows `__keyspace@0__:`.
fn key_of_event(channel: &Bytes) -> Option<Bytes> {
    let head = channel.windows(3).position(|window| window == b"__:")?;
    Some(channel.slice(head + 3..))
}
