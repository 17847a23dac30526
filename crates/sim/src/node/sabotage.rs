//! Where the planted faults strike on the way between lanes, and between lanes and the backend.

use super::shortened;
use crate::backend::Events;
use crate::faults::Fault;

use crate::world::World;
use lane::Mail;
use model::backend::{BackendEvent, BackendRequest};

impl World {
    pub(super) fn tamper_with_requests(&mut self, requests: &mut [BackendRequest]) {
        let is_command = |request: &BackendRequest| matches!(request, BackendRequest::Command { .. });
        for at in 1..requests.len() {
            if is_command(&requests[at - 1])
                && is_command(&requests[at])
                && self.faults.strikes(Fault::SwapCommands, 2, &mut self.rng)
            {
                requests.swap(at - 1, at);
            }
        }
    }

    /// What the backend tells, with the planted fault.
    pub(super) fn tampered(&mut self, mut events: Events) -> Events {
        events.retain(|(_, event)| match event {
            BackendEvent::Stale(true) => !self.faults.always(Fault::DropStale),
            BackendEvent::Stale(false) => !self.faults.always(Fault::DropUnstale),
            BackendEvent::Interrupted => !self.faults.always(Fault::DropInterrupted),
            _ => true,
        });
        for at in 0..events.len() {
            let (lane, BackendEvent::Reply { ticket, reply }) = &events[at] else { continue };
            let (lane, ticket, reply) = (*lane, *ticket, reply.clone());
            self.trace
                .line(self.now, || format!("backend → {}: {ticket:?} {}", lane.0, shortened(&format!("{reply:?}"))));
            if self.faults.strikes(Fault::WrongTicket, 4, &mut self.rng)
                && let Some((_, BackendEvent::Reply { ticket: other, .. })) = &mut self.kept_reply
            {
                let other = std::mem::replace(other, ticket);
                events[at].1 = BackendEvent::Reply { ticket: other, reply };
                events.extend(self.kept_reply.take());
                return events;
            }
            if self.kept_reply.is_none() && self.faults.always(Fault::WrongTicket) {
                self.kept_reply = Some(events.remove(at));
                return events;
            }
            if self.faults.strikes(Fault::DropReply, 40, &mut self.rng) {
                events.remove(at);
                return events;
            }
            if self.faults.strikes(Fault::DuplicateReply, 10, &mut self.rng) {
                let ticket = model::Ticket(ticket.0 + 1);
                events.push((lane, BackendEvent::Reply { ticket, reply }));
                return events;
            }
        }
        events
    }

    pub(super) fn tamper_with_mail(&mut self, batch: &mut Vec<Mail>) {
        let mut at = 0;
        while at < batch.len() {
            if let Mail::Leave { .. } = &batch[at]
                && self.faults.strikes(Fault::DropLeave, 4, &mut self.rng)
            {
                batch.remove(at);
                continue;
            }
            match &mut batch[at] {
                Mail::CaughtUp { answer, .. }
                    if !answer.frame.is_empty() && self.faults.strikes(Fault::WrongCatchUp, 2, &mut self.rng) =>
                {
                    answer.end.ms = answer.end.ms.saturating_sub(50);
                }
                Mail::Missed { count, .. } if self.faults.strikes(Fault::MissedOffByOne, 2, &mut self.rng) => {
                    *count += 1
                }
                _ => {}
            }
            let Mail::Frame { feed, format, frame, end } = &batch[at] else {
                at += 1;
                continue;
            };
            let (feed, format, frame, end) = (*feed, *format, frame.clone(), *end);
            if self.faults.strikes(Fault::DropFrame, 20, &mut self.rng) {
                batch.remove(at);
                continue;
            }
            if self.faults.strikes(Fault::DuplicateFrame, 20, &mut self.rng) {
                batch.insert(at, Mail::Frame { feed, format, frame, end });
                at += 1;
            }
            let next = batch[at + 1..].iter().position(|m| matches!(m, Mail::Frame { feed: f, .. } if *f == feed));
            if let Some(next) = next
                && self.faults.strikes(Fault::SwapFrames, 4, &mut self.rng)
            {
                batch.swap(at, at + 1 + next);
            }
            at += 1;
        }
    }
}
