//! How often live queries are read, and how often they had a reason to be: a node reads once per change, at one lane.

use crate::checks::{Check, Checks};
use bytes::Bytes;
use model::{LaneId, Reply};
use std::collections::BTreeMap;

/// One query's reads.
#[derive(Default)]
struct Usage {
    reasons: u64,
    reads: u64,
    /// How often the server carried it out.
    served: u64,
    /// The lane that reads it: its home.
    lane: Option<LaneId>,
    last: Option<Reply>,
}

/// All queries that anybody ever wanted to hear.
#[derive(Default)]
pub struct Usages {
    queries: BTreeMap<Vec<String>, Usage>,
}

impl Usages {
    /// Somebody wants to hear this query: a reason to read it.
    pub fn wanted(&mut self, command: &[String]) {
        self.queries.entry(command.to_vec()).or_default().reasons += 1;
    }

    /// A reason to read it again, such as its end or a read that failed.
    pub fn reason(&mut self, command: &[String]) {
        self.queries.entry(command.to_vec()).or_default().reasons += 1;
    }

    /// A lane hears of a change: a reason to read the queries of these keys, or all if none are named.
    pub fn heard(&mut self, keys: Option<&[Bytes]>) {
        for (command, usage) in &mut self.queries {
            let uses = |key: &Bytes| command.iter().any(|word| word.as_bytes() == key);
            usage.reasons += u64::from(keys.is_none_or(|keys| keys.iter().any(uses)));
        }
    }

    /// A lane reads.
    pub fn read(&mut self, command: &[String], from: LaneId, checks: &mut Checks) {
        let usage = self.queries.entry(command.to_vec()).or_default();
        usage.reads += 1;
        let home = *usage.lane.get_or_insert(from);
        checks.require(home == from, Check::OncePerNode, || format!("{command:?} is read by {home:?} and by {from:?}"));
    }

    /// There were no more reads than reasons.
    pub fn check(&self, command: &[String], checks: &mut Checks) {
        let Some(Usage { reads, reasons, .. }) = self.queries.get(command) else { return };
        checks.require(reads <= reasons, Check::OncePerNode, || {
            format!("{command:?} was read {reads} times for {reasons} reasons")
        });
    }

    /// The server carries out what may be a query: whether it is one. Done at most as often as it was asked for, and
    /// `again` times for connections that were lost.
    pub fn served(&mut self, command: &[String], again: u64, checks: &mut Checks) -> bool {
        let Some(usage) = self.queries.get_mut(command) else { return false };
        usage.served += 1;
        let (served, reads) = (usage.served, usage.reads);
        checks.require(served <= reads + again, Check::OncePerNode, || {
            format!("{command:?} was carried out {served} times for {reads} reads, with {again} connections lost")
        });
        true
    }

    /// The queries that name this key.
    pub fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Vec<String>> {
        self.queries.keys().filter(move |command| command.iter().any(|word| word == key))
    }

    /// What was answered last.
    pub fn last(&self, command: &[String]) -> Option<Reply> {
        self.queries.get(command)?.last.clone()
    }

    /// This was answered.
    pub fn answered(&mut self, command: &[String], reply: &Reply) {
        self.queries.entry(command.to_vec()).or_default().last = Some(reply.clone());
    }
}
