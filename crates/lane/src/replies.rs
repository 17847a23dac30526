//! Replies in the order of their requests, for clients whose replies carry no id.
//!
//! What is answered at once would overtake what waits for the backend; here it waits for its turn.

use bytes::Bytes;
use model::Format;
use std::collections::VecDeque;

/// The replies that one client waits for.
#[derive(Default, Debug)]
pub(crate) struct Replies {
    /// Requests in order, with their replies as far as they are there.
    waiting: VecDeque<(u64, Option<Bytes>)>,
    /// The bytes of the replies in it.
    bytes: usize,
}

impl Replies {
    /// For formats whose replies carry no id.
    pub fn of(format: Format) -> Option<Box<Replies>> {
        matches!(format.plain(), Format::Raw | Format::Http).then(Box::default)
    }

    /// A request that will be answered.
    pub fn expect(&mut self, id: u64) {
        self.waiting.push_back((id, None));
    }

    /// Bytes of replies whose turn has not come.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The reply to a request; calls `send` with every reply whose turn has come. A reply that was not expected goes at
    /// once.
    pub fn answer(&mut self, id: u64, reply: Bytes, mut send: impl FnMut(Bytes)) {
        match self.waiting.iter_mut().find(|(expected, _)| *expected == id) {
            Some((_, slot)) => {
                self.bytes += reply.len();
                *slot = Some(reply);
            }
            None => return send(reply),
        }
        while self.waiting.front().is_some_and(|(_, reply)| reply.is_some()) {
            let Some((_, Some(reply))) = self.waiting.pop_front() else { break };
            self.bytes -= reply.len();
            send(reply);
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_wait_for_their_turn() {
        let (mut replies, mut sent) = (Replies::default(), Vec::new());
        (1..=3).for_each(|id| replies.expect(id));
        for id in [2u64, 9, 1, 3] {
            replies.answer(id, Bytes::from(id.to_string()), |reply| sent.push(reply));
            assert_eq!(replies.bytes(), usize::from(id == 2 || id == 9));
        }
        assert_eq!(sent, ["9", "1", "2", "3"]);
    }
}
