//! What lanes ask, and where it goes.

use crate::Upstream;
use crate::commands::What;
use crate::digest;
use crate::interface::Output;
use crate::reads::{Question, Request};
use crate::turn::Turn;
use model::backend::{BackendEvent, BackendRequest};
use model::{LaneId, Reply, Ticket, Time};

impl Upstream {
    pub(crate) fn request(&mut self, from: LaneId, request: BackendRequest, now: Time, out: &mut Vec<Output>) {
        match request {
            BackendRequest::Command { ticket, command } => self.command(from, ticket, What::One(command), now, out),
            BackendRequest::Transaction { ticket, commands } => {
                self.command(from, ticket, What::Many(commands), now, out);
            }
            BackendRequest::Read { watch, command, keys } => {
                let digest = digest::of_command(&command);
                let question = Question::Value(command);
                self.read(Request { from, watch, question, keys, slot: None, digest }, now, out);
            }
            BackendRequest::Range { watch, stream, after, bytes_max } => {
                let keys = [stream.clone()].into();
                let question = Question::Range { stream, after, bytes_max };
                self.read(Request { from, watch, question, keys, slot: None, digest: 0 }, now, out);
            }
            BackendRequest::Forget { keys } => self.reads.forget(from, &keys),
            BackendRequest::Subscribe { name } => {
                let turn = &mut Turn { shared: &mut self.shared, now, out };
                if self.pubsub.subscribe(&name, from, turn) {
                    self.place_name(&name, now, out);
                }
            }
            BackendRequest::Unsubscribe { name } => {
                let turn = &mut Turn { shared: &mut self.shared, now, out };
                self.pubsub.unsubscribe(&name, from, turn);
            }
        }
    }

    fn command(&mut self, from: LaneId, ticket: Ticket, what: What, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        let slot = match self.map.slot_of(&what) {
            Ok(slot) => slot,
            Err(error) => {
                return turn.tell(from, BackendEvent::Reply { ticket, reply: Reply::error(error.to_string()) });
            }
        };
        let pending = self.commands.pending(from, ticket, what, slot, turn);
        let node = self.map.route(slot).and_then(|node| self.nodes.get(node));
        self.commands.submit(pending, node, turn);
    }

    fn read(&mut self, mut request: Request, now: Time, out: &mut Vec<Output>) {
        let turn = &mut Turn { shared: &mut self.shared, now, out };
        match self.map.slot_of_read(&request) {
            Ok(slot) => request.slot = slot,
            Err(error) => return request.refuse(&error, turn),
        }
        let slot = request.slot;
        let id = self.reads.request(request);
        let node = self.map.route(slot).and_then(|node| self.nodes.get(node));
        match node {
            Some(node) if node.is_out => self.reads.refuse(id, turn),
            // Nobody serves its slot, or anything.
            None if self.health.is_stale() || self.nodes.iter().next().is_some() => self.reads.refuse(id, turn),
            Some(node) => self.reads.give(id, node.id, false),
            None => self.reads.leave_unrouted(id),
        }
    }
}
