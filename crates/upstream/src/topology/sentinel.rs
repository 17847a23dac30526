//! One master, as Sentinels name it.
//!
//! One Sentinel at a time is asked, every `topology_interval` and at every sign of trouble, and tells of a switch at once.
//! An old master may go on as if nothing had happened for many seconds, so its connections are dropped the moment another
//! one is named, and each connection asks `ROLE` before it is used and now and then after. For a while after a switch a
//! Sentinel that has not heard of it cannot switch back.

use super::Changes;
use crate::interface::{Address, LinkId, Notice, Role, Topology};
use crate::link::{Expected, Question};
use crate::node::{NodeId, Nodes, reconnect_wait};
use crate::pubsub::{self, Said};
use crate::reply;
use crate::turn::{Turn, line, line_with};
use bytes::Bytes;
use model::{Reply, Time};
use std::time::Duration;

/// So long after a switch an answer that names the master before it is not believed.
const SWITCH_HOLD: Duration = Duration::from_secs(10);
/// Signs of trouble lead to at most one question in so long.
const ASK_MIN: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, Default)]
pub(crate) struct Sentinel {
    /// Which of the Sentinels is asked.
    at: usize,
    link: Option<LinkId>,
    is_ready: bool,
    retry_at: Time,
    failures: u32,
    ask_at: Time,
    asked_at: Time,
    role_at: Time,
    master: Option<(NodeId, Address)>,
    /// The master before, and until when nobody is believed who names it.
    before: Option<(Address, Time)>,
    is_unknown_told: bool,
}

impl Sentinel {
    pub fn master(&self) -> Option<NodeId> {
        self.master.as_ref().map(|(node, _)| *node)
    }

    pub fn next_timeout(&self) -> Option<Time> {
        match (self.link, self.is_ready) {
            (None, _) => Some(self.retry_at),
            (Some(_), true) => Some(self.ask_at.min(self.role_at)),
            (Some(_), false) => self.master.is_some().then_some(self.role_at),
        }
    }

    /// Asks who is due: the Sentinel for the master, the master for its role.
    pub fn tick(&mut self, nodes: &Nodes, turn: &mut Turn<'_>) {
        let Topology::Sentinel { sentinels, .. } = &turn.shared.config.topology else { return };
        if self.link.is_none() && self.retry_at <= turn.now && !sentinels.is_empty() {
            let address = sentinels[self.at % sentinels.len()].clone();
            self.link = Some(turn.connect(None, Role::Sentinel, address));
        }
        if sentinels_are_none(turn) {
            self.retry_at = turn.now + turn.shared.config.topology_interval;
        }
        if self.is_ready && self.ask_at <= turn.now {
            self.ask(turn);
        }
        if self.role_at <= turn.now {
            self.role_at = turn.now + turn.shared.config.topology_interval;
            let master = self.master().and_then(|node| nodes.get(node));
            let link = master.and_then(|node| node.ready(Role::Tracking, &turn.shared.links)).map(|link| link.id);
            link.into_iter().for_each(|link| turn.send(link, line(["ROLE"]), Expected::Role));
        }
    }

    fn ask(&mut self, turn: &mut Turn<'_>) {
        let (Some(link), Some(name)) = (self.link, master_name(turn)) else { return };
        self.asked_at = turn.now;
        self.ask_at = turn.now + turn.shared.config.topology_interval;
        let command = line_with(["SENTINEL", "GET-MASTER-ADDR-BY-NAME"], name.into());
        turn.send(link, command, Expected::Topology(Question::MasterAddress));
    }

    /// Something looks as if there were another master.
    pub fn suspect(&mut self, now: Time) {
        self.ask_at = self.ask_at.min(now.max(self.asked_at + ASK_MIN));
    }

    pub fn link_ready(&mut self, link: LinkId, turn: &mut Turn<'_>) {
        (self.is_ready, self.failures) = (true, 0);
        let switches = line(["SUBSCRIBE", "+switch-master"]);
        // On one connection with questions only RESP3 can subscribe; without it, asking must do.
        if turn.shared.links.get(link).is_some_and(|link| !link.is_resp2) {
            turn.send(link, switches, Expected::Topology(Question::Switches));
        }
        self.ask(turn);
    }

    /// The next Sentinel is asked: at once, until all were tried.
    pub fn link_closed(&mut self, turn: &mut Turn<'_>) {
        let Topology::Sentinel { sentinels, .. } = &turn.shared.config.topology else { return };
        let count = u32::try_from(sentinels.len().max(1)).unwrap_or(u32::MAX);
        (self.link, self.is_ready) = (None, false);
        self.at = (self.at + 1) % count as usize;
        self.failures += 1;
        let is_round_over = self.failures.is_multiple_of(count);
        let wait = if is_round_over { reconnect_wait(turn, self.failures / count) } else { Duration::ZERO };
        self.retry_at = turn.now + wait;
    }

    pub fn answered(&mut self, question: Question, reply: &Reply, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        if question != Question::MasterAddress {
            return Changes::default();
        }
        match address(reply.as_error().map_or_else(|| reply::items(reply), |_| None)) {
            Some(address) => {
                self.is_unknown_told = false;
                let is_old = |(before, until): &(Address, Time)| *before == address && turn.now < *until;
                if self.before.as_ref().is_some_and(is_old) {
                    return Changes::default();
                }
                self.named(address, nodes, turn)
            }
            None => {
                if !std::mem::replace(&mut self.is_unknown_told, true) {
                    let master = master_name(turn).unwrap_or_default();
                    turn.notice(Notice::MasterUnknown { master });
                }
                // Another Sentinel may know it.
                Changes { drop: self.link, ..Changes::default() }
            }
        }
    }

    /// `+switch-master`: name, the old address, the new one.
    pub fn announced(&mut self, push: &[Reply], nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        let Some(Said::Message { channel, message, .. }) = pubsub::said(push) else { return Changes::default() };
        let text = String::from_utf8_lossy(&message).into_owned();
        let words: Vec<&str> = text.split(' ').collect();
        match (&channel[..], &words[..]) {
            (b"+switch-master", [name, _, _, host, port]) if Some(*name) == master_name(turn).as_deref() => {
                let Ok(port) = port.parse() else { return Changes::default() };
                self.named(Address::Tcp { host: (*host).to_owned(), port }, nodes, turn)
            }
            _ => Changes::default(),
        }
    }

    fn named(&mut self, address: Address, nodes: &mut Nodes, turn: &mut Turn<'_>) -> Changes {
        if self.master.as_ref().is_some_and(|(_, known)| *known == address) {
            return Changes::default();
        }
        let node = nodes.add(address.clone(), turn.now);
        let old = self.master.replace((node, address.clone()));
        let gone: Vec<NodeId> = old.iter().map(|(node, _)| *node).collect();
        if let Some((_, before)) = old {
            self.before = Some((before, turn.now + SWITCH_HOLD));
            turn.shared.statistics.topology_changes += 1;
            turn.notice(Notice::FailedOver { master: master_name(turn).unwrap_or_default(), to: address });
        }
        Changes { gone, moved: true, ..Changes::default() }
    }
}

fn sentinels_are_none(turn: &Turn<'_>) -> bool {
    matches!(&turn.shared.config.topology, Topology::Sentinel { sentinels, .. } if sentinels.is_empty())
}

fn master_name(turn: &Turn<'_>) -> Option<String> {
    match &turn.shared.config.topology {
        Topology::Sentinel { master, .. } => Some(master.clone()),
        _ => None,
    }
}

/// A host and a port.
fn address(items: Option<&[Reply]>) -> Option<Address> {
    let [host, port] = items? else { return None };
    let port = u16::try_from(reply::int(port)?).ok()?;
    let host: &Bytes = reply::bytes(host)?;
    Some(Address::Tcp { host: String::from_utf8_lossy(host).into_owned(), port })
}
