//! The way from a backend to a lane whose mailbox may be full.
//!
//! Answers are bounded by the requests that wait for them, so they always go. Messages and invalidations are not: when
//! the lane does not keep up they are dropped, and the lane is told what that means as soon as it takes letters again:
//! an interruption of its subscriptions, or that any key may have changed.

use model::backend::BackendEvent;

/// What may go to a lane, and what was lost on the way.
#[derive(Default, Debug)]
pub struct Delivery {
    /// Messages were dropped.
    interrupted: bool,
    /// Invalidations were dropped.
    invalidated_all: bool,
}

impl Delivery {
    /// Hands on `event`, or drops it if there is no `room` and it can be made good. What is to be told of earlier
    /// losses goes first.
    pub fn pass(&mut self, event: BackendEvent, room: bool, each: &mut impl FnMut(BackendEvent)) {
        // That the backend is back is told behind what may have changed meanwhile, however little room there is.
        if room || matches!(event, BackendEvent::Stale(_)) {
            self.recover(each);
        }
        match event {
            BackendEvent::Message { .. } if !room => self.interrupted = true,
            BackendEvent::Invalidated { .. } | BackendEvent::InvalidatedAll if !room => self.invalidated_all = true,
            event => each(event),
        }
    }

    /// There is room: tells what was lost.
    pub fn recover(&mut self, each: &mut impl FnMut(BackendEvent)) {
        if std::mem::take(&mut self.invalidated_all) {
            each(BackendEvent::InvalidatedAll);
        }
        if std::mem::take(&mut self.interrupted) {
            each(BackendEvent::Interrupted);
        }
    }

    /// Whether something is to be told once there is room.
    pub fn owes(&self) -> bool {
        self.interrupted || self.invalidated_all
    }
}

/// About how many bytes an event holds.
pub fn event_bytes(event: &BackendEvent) -> usize {
    const EVENT_BYTES: usize = std::mem::size_of::<BackendEvent>();
    EVENT_BYTES
        + match event {
            BackendEvent::Reply { reply, .. } => reply.size(),
            BackendEvent::Value { reply, .. } => reply.as_ref().map_or(0, |r| r.size()),
            BackendEvent::Range { range: Some(Ok(range)), .. } => range.entries.iter().map(|e| e.size()).sum(),
            BackendEvent::Message { message, channel, .. } => message.len() + channel.len(),
            BackendEvent::Invalidated { keys } => keys.iter().map(|k| k.len() + 32).sum(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::backend::ChannelName;
    use model::{Reply, Ticket};

    fn message() -> BackendEvent {
        let name = ChannelName::Channel(Bytes::from_static(b"c"));
        BackendEvent::Message { name, channel: Bytes::from_static(b"c"), message: Bytes::from_static(b"m") }
    }

    #[test]
    fn that_the_backend_is_back_does_not_overtake_what_changed_meanwhile() {
        let (mut delivery, mut told) = (Delivery::default(), Vec::new());
        for event in [BackendEvent::InvalidatedAll, BackendEvent::Stale(false)] {
            delivery.pass(event, false, &mut |event| told.push(event));
        }
        assert_eq!(told, [BackendEvent::InvalidatedAll, BackendEvent::Stale(false)]);
    }

    #[test]
    fn what_is_dropped_is_told_before_anything_newer() {
        let (mut delivery, mut told) = (Delivery::default(), Vec::new());
        let reply = BackendEvent::Reply { ticket: Ticket(1), reply: Reply::OK };
        for (event, room) in [
            (message(), false),
            (BackendEvent::Invalidated { keys: vec![] }, false),
            (reply.clone(), false),
            (message(), true),
        ] {
            delivery.pass(event, room, &mut |event| told.push(event));
        }
        assert_eq!(told, [reply, BackendEvent::InvalidatedAll, BackendEvent::Interrupted, message()]);
        assert!(!delivery.owes());
    }
}
